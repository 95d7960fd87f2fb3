"""``python -m lipexplore`` is the command ``lipexplore``."""

import sys

from lipexplore.cli import main

if __name__ == "__main__":
    sys.exit(main())
