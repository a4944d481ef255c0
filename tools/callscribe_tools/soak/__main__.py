"""Runs the soak: `python -m callscribe_tools.soak`."""

import sys

from callscribe_tools.entry import begin

if __name__ == "__main__":
    begin("soak", sys.argv[1:])
