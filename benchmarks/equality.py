"""Digests of explanations, bit for bit: what a change of the code's shape must leave as it was.

    python -m benchmarks.equality --write FILE     # before
    python -m benchmarks.equality --against FILE   # after; exits 1 where anything differs

Both bundled models, every built-in estimator, three seeds; then the rows of `fixlip evaluate` on four scenes.
"""

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

import fixlip
from fixlip.datasets.scenes import make_scene

MODELS = ("demo-clip", "demo-siglip")
SEEDS = (0, 1, 2)
FEW = {"exact": {"image_players": "grid:3"}}  # enumerates, so has few players
METRICS = ("grounding", "insertion-deletion", "faithfulness", "pointing-game")


def digest(explanation: fixlip.Explanation) -> str:
    """A hash of every number of an explanation."""
    found = hashlib.sha256()
    parts = [explanation, explanation.stderr] if explanation.stderr is not None else [explanation]
    for part in parts:
        for field in fields(part):
            value = getattr(part, field.name)
            if isinstance(value, (int, float, np.ndarray)) and not isinstance(value, bool):
                found.update(field.name.encode() + np.ascontiguousarray(value, dtype=float).tobytes())
    return found.hexdigest()[:24]


def explanations() -> dict[str, str]:
    """A digest for each model, estimator and seed."""
    found = {}
    for name in MODELS:
        model = fixlip.load_model(name, device="cpu")
        for estimator in fixlip.list_estimators():
            if ":" in estimator:
                continue
            for seed in SEEDS:
                scene = make_scene(seed, n_objects=2)
                call: dict[str, Any] = FEW.get(estimator, {})
                one = fixlip.explain(
                    scene.image, scene.caption, model=model, estimator=estimator, seed=seed, progress=False, **call
                )
                found[f"{name} {estimator} {seed}"] = digest(one)
    return found


def rows() -> dict[str, str]:
    """A digest of the rows of an evaluation, without times."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "fixlip", "evaluate", *METRICS, "--data", "scenes:4", "--model", "demo-clip"]
        options = ["--estimator", "banzhaf image_masks=128", "--estimator", "grad-eclip", "--out", folder]
        subprocess.run([*command, *options], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        lines = [line for file in sorted(Path(folder).glob("*.jsonl")) for line in file.read_text().splitlines()]
    plain = sorted(json.dumps(_without_times(json.loads(line)), sort_keys=True) for line in lines)
    return {"rows": f"{len(plain)} " + hashlib.sha256("\n".join(plain).encode()).hexdigest()[:24]}


def _without_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _without_times(v) for k, v in value.items() if "seconds" not in k and k not in ("time", "created")}
    return [_without_times(v) for v in value] if isinstance(value, list) else value


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.equality")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--write", type=Path)
    what.add_argument("--against", type=Path)
    args = parser.parse_args()
    found = explanations() | rows()
    if args.write:
        args.write.write_text(json.dumps(found, indent=1) + "\n")
        return 0
    before = json.loads(args.against.read_text())
    different = [name for name in before if before[name] != found.get(name)]
    print(f"{len(before) - len(different)} of {len(before)} are the same, bit for bit")
    print("\n".join(f"differs: {name}" for name in different))
    return int(bool(different))


if __name__ == "__main__":
    sys.exit(main())
