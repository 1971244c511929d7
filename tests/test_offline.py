"""No part of the bundled path reaches for the network."""

import subprocess
import sys


def test_explaining_with_a_bundled_model_opens_no_socket():
    code = """
import socket
def refuse(*a, **k): raise RuntimeError("network")
socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse
import fixlip
from fixlip.datasets.scenes import make_scene
scene = make_scene(0)
found = fixlip.explain(scene.image, scene.caption, model="demo-clip", image_masks=128, progress=False)
print(found.provenance.model)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "demo-clip", done.stderr
