"""Measure a bundled model on scenes with unseen seeds, and write the figures beside its weights.

    python scripts/evaluate_demo_model.py demo-clip

- Caption retrieval: the share of pictures whose own caption is the nearest of 100 distinct ones.
- Zero-shot: the share of single-object pictures whose kind has the nearest prompt, among all kinds.
- Pair zero-shot: the share of two-object pictures whose two kinds have the two nearest prompts.

Retrieval and pair zero-shot are measured once on pairs of kinds that the training showed and once on held-out pairs.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch

import fixlip
from fixlip.datasets import scenes
from fixlip.encoders.bundled import asset_folder

SEEDS = {"train": 1_000_000, "held-out": 2_000_000, "single": 3_000_000}
CANDIDATES = 100


def embed(encoder, pictures, captions) -> tuple[np.ndarray, np.ndarray]:
    """Unit embeddings of pictures and of captions, nothing removed."""
    u, w = [], []
    for picture in pictures:
        x = encoder.image_input(picture)
        u.append(encoder.embed_image(x, torch.ones(1, x.n_patches, dtype=torch.bool)))
    for caption in captions:
        t = encoder.text_input(caption)
        w.append(encoder.embed_text(t, torch.ones(1, t.n_tokens, dtype=torch.bool)))
    return torch.cat(u).cpu().numpy(), torch.cat(w).cpu().numpy()


def distinct(pairs: scenes.Pairs, seed: int) -> list[scenes.Scene]:
    """A scene for each candidate, no two with the same objects."""
    chosen: dict[frozenset[str], scenes.Scene] = {}
    while len(chosen) < CANDIDATES:
        scene = scenes.make_scene(seed, pairs=pairs)
        chosen.setdefault(frozenset(o.name for o in scene.objects), scene)
        seed += 1
    return list(chosen.values())


def retrieval(encoder, pairs: scenes.Pairs, rounds: int) -> float:
    hits = []
    for k in range(rounds):
        batch = distinct(pairs, SEEDS[pairs] + 1000 * k)
        u, w = embed(encoder, [s.image for s in batch], [s.caption for s in batch])
        hits.append((u @ w.T).argmax(1) == np.arange(len(batch)))
    return float(np.mean(hits))


def zero_shot(encoder, batch: list[scenes.Scene]) -> float:
    """Share of scenes of k objects whose kinds have the k nearest prompts."""
    u, w = embed(encoder, [s.image for s in batch], [scenes.prompt(k) for k in scenes.kinds()])
    ranked = (-(u @ w.T)).argsort(1)
    names = np.array(scenes.kinds())
    hits = [
        set(names[row[: len(s.objects)]]) == {o.name for o in s.objects} for row, s in zip(ranked, batch, strict=True)
    ]
    return float(np.mean(hits))


def measure(encoder, rounds: int) -> dict[str, float | int]:
    n = CANDIDATES * rounds
    single = list(scenes.scenes(n, seed=SEEDS["single"], n_objects=1))
    result: dict[str, float | int] = {"kinds": len(scenes.kinds()), "candidates": CANDIDATES, "scenes": n}
    result["zero_shot"] = zero_shot(encoder, single)
    for pairs in ("train", "held-out"):
        key = pairs.replace("-", "_")
        result[f"retrieval_{key}_pairs"] = retrieval(encoder, pairs, rounds)
        two = list(scenes.scenes(n, seed=SEEDS[pairs] + 500_000, n_objects=2, pairs=pairs))
        result[f"pair_zero_shot_{key}_pairs"] = zero_shot(encoder, two)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name")
    parser.add_argument("--rounds", type=int, default=10, help="of 100 scenes each")
    parser.add_argument("--out", type=Path, help="instead of metrics.json beside the weights")
    args = parser.parse_args()
    encoder = fixlip.load_model(args.name)
    figures = {"weights": encoder.weights, **measure(encoder, args.rounds)}
    text = json.dumps(figures, indent=2)
    (args.out or asset_folder(args.name) / "metrics.json").write_text(text + "\n")
    print(text)


if __name__ == "__main__":
    main()
