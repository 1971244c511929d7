"""Nothing reaches for the network unless a model of the hub is asked for; where there is none, that ends soon."""

import os
import socket
import subprocess
import sys
import time

import pytest

import fixlip
from fixlip.encoders import hub
from fixlip.errors import UnsupportedModelError
from tests.helpers import network
from tests.helpers.models import pieces_tokenizer
from tests.unit.encoders.test_loading import encoder_of, hub_folder

WATCHED = """
import sys
events, programs = [], []
def watch(event, args):
    if event in {"socket.connect", "socket.bind", "socket.sendto", "socket.getaddrinfo", "urllib.Request"}:
        events.append((event, str(args)))
    if event in {"subprocess.Popen", "os.posix_spawn", "os.exec"}:
        programs.append(str(args[0]).rpartition("/")[2])
    if event in {"os.system", "os.fork", "pty.spawn"}:
        programs.append(event)
sys.addaudithook(watch)
from fixlip.cli import main
for line in sys.stdin.read().splitlines():
    sys.argv = ["fixlip", *line.split("|")]
    try:
        main()
    except SystemExit as stop:
        if stop.code:
            sys.exit(f"{line}: {stop.code}")
print("LEFT", events, sorted(set(programs) - {"ldconfig", "fc-list"}))  # fonts, by matplotlib; libraries, by ctypes
"""
COMMANDS = """demo
explain|photo.png|a cat|--model|demo-siglip|--estimator|grad-eclip|--save|a.fixlip|--html|a.html
explain|photo.png|a cat|--model|demo-clip|--image-masks|64|--save|b.fixlip
compare|photo.png|a cat|--model|demo-clip|--model|demo-siglip|--estimator|grad-cam
view|a.fixlip|b.fixlip|--html|c.html
models
estimators
evaluate|grounding|--data|scenes:2|--model|demo-clip|--estimator|grad-eclip|--out|run
report|run"""


def here(code, *, before=(), given="", cwd=None, **environment):
    clean = {k: v for k, v in os.environ.items() if k not in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")}
    return subprocess.run(
        [*before, sys.executable, "-c", code],
        input=given,
        capture_output=True,
        text=True,
        cwd=cwd,
        env=clean | environment,
    )


@pytest.fixture(scope="module")
def without_network():
    """A command that starts another one on a machine of its own, which has no network."""
    before = ["unshare", "--net", "--map-root-user"]
    try:
        subprocess.run([*before, "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this machine gives no namespace without network")
    return before


def test_no_command_opens_a_socket_or_starts_a_program(tmp_path, photo):
    done = here(WATCHED, given=COMMANDS, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "LEFT [] []"


def test_where_there_is_no_network(tmp_path, without_network):
    """A bundled model explains; one of a hub is refused soon, in a line."""
    code = f"""
import fixlip, open_clip, socket, time
from fixlip.datasets.scenes import make_scene
try:
    socket.create_connection(("192.0.2.1", 80), timeout=1)
except OSError as error:
    print(error.errno)
scene = make_scene(0)
print(fixlip.explain(scene.image, scene.caption, model="demo-clip", image_masks=64, progress=False).provenance.model)
for name in ("hf-hub:some/model", "transformers:some/model", "ViT-B-32"):
    start = time.perf_counter()
    try:
        fixlip.load_model(name, cache_dir={str(tmp_path)!r})
    except fixlip.FixlipError as error:
        print(len(str(error).splitlines()), time.perf_counter() - start < 15, "neither cached nor" in str(error))
"""
    done = here(code, before=without_network, cwd=tmp_path, HF_HOME=str(tmp_path))
    assert done.stdout.splitlines() == ["101", "demo-clip", *["1 True True"] * 3], done.stderr
    assert "Retrying" not in done.stderr


@pytest.fixture
def silent():
    """The address of a server that accepts and never answers."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def unset(monkeypatch):
    """The hub as it is without HF_HUB_OFFLINE, and little patience."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr(hub, "SECONDS", 0.5)
    return monkeypatch


def test_a_hub_that_never_answers(tmp_path, unset, silent):
    unset.setattr("huggingface_hub.constants.ENDPOINT", silent)
    start = time.monotonic()
    with pytest.raises(UnsupportedModelError, match="neither cached nor reachable"):
        fixlip.load_model("hf-hub:some/model", cache_dir=str(tmp_path))
    assert time.monotonic() - start < 10
    assert not hub.constants.HF_HUB_OFFLINE


def test_what_counts_as_reachable(silent, unset, tmp_path):
    assert not hub.reachable(silent)
    assert not hub.reachable("http://127.0.0.1:9")
    code = """
from http.server import BaseHTTPRequestHandler, HTTPServer
server = HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
print(server.server_port, flush=True)
server.handle_request()
"""
    server = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    unset.setattr(hub, "SECONDS", 20)
    with server:
        assert hub.reachable(f"http://127.0.0.1:{server.stdout.readline().strip()}")  # 501 is an answer


def cached(cache):
    """A little model of transformers as the hub's cache keeps it."""
    from transformers import Siglip2Processor

    built = encoder_of("transformers Siglip2Model (NaFlex)")
    folder = hub_folder(cache, "some/model")
    built.model.save_pretrained(folder)
    Siglip2Processor(built.image_tower.prepare.args[1], pieces_tokenizer()).save_pretrained(folder)
    return built


@pytest.mark.parametrize("offline", [True, False])
def test_a_cached_model_of_transformers(tmp_path, unset, silent, offline):
    built = cached(tmp_path)
    unset.setattr("huggingface_hub.constants.ENDPOINT", silent)
    unset.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", offline)
    start = time.monotonic()
    encoder = fixlip.load_model("transformers:some/model", cache_dir=str(tmp_path), device="cpu")
    assert encoder.weights == built.weights
    assert time.monotonic() - start < 10


@pytest.mark.parametrize("name", ["hf-hub:no/such", "transformers:no/such", "ViT-B-32"])
def test_offline_mode_is_respected(tmp_path, name):
    with pytest.raises(UnsupportedModelError, match=r"neither cached nor reachable.*bundled model"):
        fixlip.load_model(name, cache_dir=str(tmp_path))
    assert not network.outside


def test_the_watch_sees_an_attempt():
    with socket.socket() as plug, pytest.raises(ConnectionRefusedError, match="No test reaches"):
        plug.connect(("192.0.2.1", 80))
    with pytest.raises(ConnectionRefusedError):
        socket.getaddrinfo("example.org", 80)
    assert [event for event, _ in network.outside] == ["socket.connect", "socket.getaddrinfo"]
    network.outside.clear()


def test_ray_needs_no_network(tmp_path, without_network):
    pytest.importorskip("ray")
    code = """
import os, subprocess
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
from fixlip.cli import main
import sys
sys.argv = "fixlip evaluate grounding --data scenes:2 --model demo-clip --estimator grad-eclip".split()
sys.argv += "--engine ray --out run".split()
try:
    main()
finally:
    print("REPORTS", os.environ["RAY_USAGE_STATS_ENABLED"])
"""
    done = here(code, before=without_network, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "REPORTS 0"
