"""Runs the bench: `python -m callscribe_tools.bench`."""

import sys

from callscribe_tools.entry import begin

if __name__ == "__main__":
    begin("bench", sys.argv[1:])
