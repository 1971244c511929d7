"""``python -m fixlip`` and the program ``fixlip``."""

import sys


def main() -> None:
    """Run the command line; an interruption before it can hear one ends it as quietly."""
    try:
        from fixlip.cli import main as run

        run()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
