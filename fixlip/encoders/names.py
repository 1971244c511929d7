"""The names of the models, without importing anything that could load one."""

import json
import re
import sys
from collections.abc import Iterable
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

ASSETS = Path(str(files("fixlip") / "assets"))
#: The file of weights in the folder of a bundled model.
WEIGHTS = "weights.safetensors"
#: Tag of the weights that are loaded where none is given.
DEFAULT_WEIGHTS = "openai"
POPULAR = ("openai", "laion2b_s", "datacomp_xl", "webli", "dfn", "metaclip_fullcc", "metaclip", "laion400m", "merged2b")


def popular(tags: Iterable[str]) -> list[str]:
    """The tags of weights that most people use, best known first.

    Example:
        >>> popular(["commonpool_s", "datacomp_xl_s13b_b90k", "laion2b_s34b_b79k", "openai"])
        ['openai', 'laion2b_s34b_b79k', 'datacomp_xl_s13b_b90k']
    """
    every = list(tags)
    return list(dict.fromkeys(tag for start in POPULAR for tag in every if tag.startswith(start)))


def bundled_models() -> list[str]:
    """The names of the bundled models."""
    return sorted(p.parent.name for p in ASSETS.glob(f"*/{WEIGHTS}"))


def known_kinds(name: str) -> int:
    """The number of kinds of things in the scenes that a bundled model was trained on."""
    return int(json.loads((ASSETS / name / "metrics.json").read_text())["kinds"])


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
