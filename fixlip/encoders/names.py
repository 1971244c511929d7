"""The names of the models, without importing anything that could load one."""

import json
import re
import sys
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

ASSETS = Path(str(files("fixlip") / "assets"))
#: The file of weights in the folder of a bundled model.
WEIGHTS = "weights.safetensors"


def bundled_models() -> list[str]:
    """The names of the bundled models."""
    return sorted(p.parent.name for p in ASSETS.glob(f"*/{WEIGHTS}"))


def open_clip_models() -> list[str]:
    """Names of ``open_clip.list_models()``; read from its files as long as nobody has imported it, which is slow."""
    if "open_clip" in sys.modules:  # knows of configurations that were added since
        return sys.modules["open_clip"].list_models()
    spec = find_spec("open_clip")
    folders = (spec.submodule_search_locations if spec else None) or []
    configs = [path for folder in folders for path in Path(folder, "model_configs").glob("*.json")]
    parts = {"embed_dim", "vision_cfg", "text_cfg"}
    names = [path.stem for path in configs if parts <= json.loads(path.read_text("utf-8")).keys()]
    return sorted(names, key=lambda name: [int(s) if s.isdigit() else s for s in re.split(r"(\d+)", name.lower())])
