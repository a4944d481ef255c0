"""Runs one of the project's programs by its name: `python -m callscribe_tools demo`. `make` does."""

import sys

from callscribe_tools.entry import PROGRAMS, begin

if __name__ == "__main__":
    if sys.argv[1:2] and sys.argv[1] in PROGRAMS:
        begin(sys.argv[1], sys.argv[2:])
    sys.exit(f"Name a program: python -m callscribe_tools {'|'.join(PROGRAMS)}")
