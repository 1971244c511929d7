"""The program ``fixlip``, also run by ``python -m fixlip``."""

import gc
import os
import signal
import sys


def main() -> None:
    """Run the command line; an interruption while it is starting or ending is quiet, too.

    Threads of torch that wait give their core away: beside another program, spinning ones make encoders twice as slow.
    Garbage is collected less often, since imports leave none: a fifth of what `fixlip demo` takes.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # read when torch is imported
    gc.set_threshold(10_000)
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
