"""``python -m fixlip``: the command line."""

from fixlip.cli import main

if __name__ == "__main__":
    main()
