"""``python -m fixlip`` and the program ``fixlip``."""

import signal
import sys


def main() -> None:
    """Run the command line; an interruption before it can hear one, or after, ends it as quietly."""
    try:
        from fixlip.cli import main as run

        run()
    except KeyboardInterrupt:
        sys.exit(130)
    finally:
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # else it breaks into what libraries tidy up
            signal.signal(signal.SIGINT, signal.SIG_DFL)


if __name__ == "__main__":
    main()
