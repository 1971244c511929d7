"""Commands in real processes that start at once: each is forked from one that has imported everything and run nothing.

They are killed, signalled and waited for as any other process; only the imports, nine seconds of them, happen once.
"""

import os
import signal
import sys
import time
from contextlib import suppress
from multiprocessing import get_context

CONTEXT = get_context("forkserver")
CONTEXT.set_forkserver_preload(["fixlip.cli", "fixlip.encoders.loading", "fixlip.evaluation"])


class Command:
    """A running ``fixlip`` command, with the parts of `subprocess.Popen` that tests need.

    Args:
        arguments: of the command.
        cwd: its folder.
        before: Python to run before the command.
    """

    def __init__(self, *arguments, cwd=None, before=""):
        self.streams = [os.memfd_create(name) for name in ("out", "err")]
        paths = [f"/proc/{os.getpid()}/fd/{stream}" for stream in self.streams]
        words = ["fixlip", *map(str, arguments)]
        self.process = CONTEXT.Process(target=_run, args=(words, paths, cwd or os.getcwd(), before))
        self.process.start()
        self.pid = self.process.pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.wait()

    @property
    def returncode(self):
        return self.process.exitcode

    def poll(self):
        return self.returncode

    def wait(self, timeout=None):
        self.process.join(timeout)
        if self.returncode is None:
            raise TimeoutError(f"still running after {timeout} s")
        return self.returncode

    def kill(self):
        self.process.kill()

    def send_signal(self, number):
        with suppress(ProcessLookupError):  # it has ended
            os.kill(self.pid, number)

    def communicate(self, timeout=None):
        """Wait for the end; standard output and standard error."""
        self.wait(timeout)
        return tuple(os.pread(stream, os.fstat(stream).st_size, 0).decode() for stream in self.streams)

    def hears(self, number=signal.SIGTERM, seconds=60):
        """Wait until it handles a signal."""
        deadline = time.monotonic() + seconds
        while self.poll() is None and time.monotonic() < deadline:
            with suppress(FileNotFoundError), open(f"/proc/{self.pid}/status") as status:  # it may have ended
                caught = next(line.split()[1] for line in status if line.startswith("SigCgt"))
                if int(caught, 16) >> (number - 1) & 1:
                    return
            time.sleep(0.01)


def wait_until(process, happened):
    """Wait for something while a command runs."""
    while process.poll() is None and not happened():
        time.sleep(0.005)
    assert process.poll() is None, process.communicate()


def _run(words, paths, cwd, before):
    for path, stream in zip(paths, (1, 2), strict=True):
        os.dup2(os.open(path, os.O_WRONLY | os.O_APPEND), stream)
    os.chdir(cwd)
    os.setsid()
    sys.argv = words
    exec(before, {})
    from fixlip.cli import main

    main()
