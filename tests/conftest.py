import copy
import gc
import os
import signal
import sys

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # no test reaches for the network
os.environ.setdefault("RAY_worker_niceness", "0")  # else Ray's workers wait for all other tests
os.environ.setdefault("OMP_NUM_THREADS", "1")  # two processes of two threads on two cores take twice as long

import pytest
from hypothesis import given
from hypothesis.strategies import none

import fixlip
import tests.helpers.profiles  # noqa: F401 (what Hypothesis tries)
from fixlip.cli import main
from fixlip.datasets.scenes import make_scene
from tests.helpers.browser import browser, open_page  # noqa: F401 (fixtures)
from tests.helpers.network import install, no_network  # noqa: F401 (a fixture)


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads its options
def pytest_cmdline_main(config):
    """Two processes by default, and one where all that was asked for is files or single tests, or a debugger."""
    option = config.option
    files = config.args and all(".py" in argument for argument in config.args)
    worker = hasattr(config, "workerinput")
    if getattr(option, "numprocesses", 0) is None and not (files or worker or option.usepdb or option.collectonly):
        option.numprocesses, option.dist = min(2, os.cpu_count() or 1), "worksteal"


LONG = {"browser", "packaging", "robustness"}  # folders whose tests run in the gate, not by default


@pytest.hookimpl(tryfirst=True)  # before any is deselected
def pytest_collection_modifyitems(items):
    for item in items:
        if LONG & {parent.name for parent in item.path.parents}:
            item.add_marker("slow")


def pytest_configure(config):
    install()


def pytest_collection_finish():
    """Freeze what the libraries and the tests themselves hold: a tenth of the time went into collections of it."""
    given(none())(
        lambda _: None
    )()  # Hypothesis asks at its first test who holds NumPy's generator: before it is frozen
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def demo_clip():
    return fixlip.load_model("demo-clip", device="cpu")


@pytest.fixture
def own_clip(demo_clip):
    """One that a test may patch: what pytest puts back stays on the object, and would answer for its copies too."""
    return copy.copy(demo_clip)


@pytest.fixture
def heard():
    """Signals are heard, also where the tests run in the background of a shell, which ignores some for them."""
    before = {number: signal.signal(number, signal.SIG_DFL) for number in (signal.SIGTERM, signal.SIGHUP)}
    before[signal.SIGINT] = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(scope="session")
def scene():
    return make_scene(11, n_objects=2)


@pytest.fixture(scope="session")
def explanation(demo_clip, scene):
    return fixlip.explain(
        scene.image, scene.caption, model=demo_clip, image_masks=256, options={"interactions": "cross"}, progress=False
    )


@pytest.fixture
def photo(tmp_path, scene):
    """The scene as a file."""
    path = tmp_path / "photo.png"
    scene.image.save(path)
    return path


@pytest.fixture
def cli(monkeypatch, capsys):
    """Run the command line in this process: exit code, standard output, standard error."""

    def run(*args):
        monkeypatch.setattr(sys, "argv", ["fixlip", *map(str, args)])
        with pytest.raises(SystemExit) as stop:
            main()
        captured = capsys.readouterr()
        return stop.value.code or 0, captured.out, captured.err

    return run
