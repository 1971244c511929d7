"""The program ``fixlip``, also run by ``python -m fixlip``."""

import signal
import sys


def main() -> None:
    """Run the command line; an interruption while it is starting or ending is quiet, too."""
    try:
        from fixlip.cli import main as run

        run()
    except KeyboardInterrupt:
        sys.exit(130)
    finally:
        if (
            signal.getsignal(signal.SIGINT) is signal.default_int_handler
        ):  # else it would interrupt the clean-up of libraries
            signal.signal(signal.SIGINT, signal.SIG_DFL)


if __name__ == "__main__":
    main()
