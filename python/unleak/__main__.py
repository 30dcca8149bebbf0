"""`python -m unleak` is the command `unleak`."""
import sys

from unleak.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
