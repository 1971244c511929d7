"""Measure a bundled model on scenes with unseen seeds, and write the figures beside its weights.

    python scripts/evaluate_demo_model.py demo-clip
    python scripts/evaluate_demo_model.py demo-bound --attributes

- Caption retrieval: the share of pictures whose own caption is the nearest of 100 distinct ones.
- Zero-shot: the share of single-object pictures whose kind has the nearest prompt, among all kinds.
- Pair zero-shot: the share of two-object pictures whose two kinds have the two nearest prompts.

Retrieval and pair zero-shot are measured once on pairs of kinds that the training showed and once on held-out pairs.

With attributes a kind is one in one colour, and there are figures for each kind of wrong twin: the share of pictures
whose caption scores above its twin, with its 95 % interval (Wilson's).
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.stats import binomtest

import fixlip
from fixlip.datasets import attributes, scenes
from fixlip.encoders.bundled import asset_folder

SEEDS = {"train": 1_000_000, "held-out": 2_000_000, "single": 3_000_000, "twins": 4_000_000}
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


def named(scene: scenes.Scene) -> tuple[str, ...]:
    """What a caption calls the things: names, with their colours if it says them."""
    colours = [" ".join(a.word for a in thing.attributes if a.kind == "colour") for thing in scene.objects]
    return tuple(f"{colour} {o.name}".strip() for colour, o in zip(colours, scene.objects, strict=True))


def every_name(coloured: bool) -> list[str]:
    if coloured:
        return [f"{colour} {name}" for name in attributes.TINTED for colour in attributes.COLOURS]
    return list(scenes.kinds())


def distinct(pairs: scenes.Pairs, seed: int, coloured: bool) -> list[scenes.Scene]:
    """A scene for each candidate, no two of which have captions with the same names and colours."""
    chosen: dict[frozenset[str], scenes.Scene] = {}
    while len(chosen) < CANDIDATES:
        scene = scenes.make_scene(seed, pairs=pairs, attributes=coloured)
        chosen.setdefault(frozenset(" ".join(named(scene)).split()), scene)
        seed += 1
    return list(chosen.values())


def retrieval(encoder, pairs: scenes.Pairs, rounds: int, coloured: bool) -> float:
    hits = []
    for k in range(rounds):
        batch = distinct(pairs, SEEDS[pairs] + 1000 * k, coloured)
        u, w = embed(encoder, [s.image for s in batch], [s.caption for s in batch])
        hits.append((u @ w.T).argmax(1) == np.arange(len(batch)))
    return float(np.mean(hits))


def zero_shot(encoder, batch: list[scenes.Scene], coloured: bool) -> float:
    """Share of scenes of k objects whose kinds have the k nearest prompts."""
    names = every_name(coloured)
    u, w = embed(encoder, [s.image for s in batch], [scenes.prompt(name) for name in names])
    ranked = (-(u @ w.T)).argsort(1)
    hits = [{names[k] for k in row[: len(s.objects)]} == set(named(s)) for row, s in zip(ranked, batch, strict=True)]
    return float(np.mean(hits))


def twins(encoder, twin: attributes.Twin, n: int) -> dict[str, float | int]:
    """Share of `n` scenes whose caption scores above its twin, and the ends of its interval."""
    batch = list(scenes.scenes(n, seed=SEEDS["twins"], n_objects=2, attributes=True, twin=twin))
    u, w = embed(encoder, [s.image for s in batch], [text for s in batch for text in (s.caption, s.twins[twin])])
    scores = np.einsum("sd,sud->su", u, w.reshape(n, 2, -1))
    hits = int((scores[:, 0] > scores[:, 1]).sum())
    interval = binomtest(hits, n).proportion_ci(method="wilson")
    return {"accuracy": hits / n, "low": round(float(interval.low), 4), "high": round(float(interval.high), 4)}


def measure(encoder, rounds: int, coloured: bool = False) -> dict[str, Any]:
    n = CANDIDATES * rounds
    single = list(scenes.scenes(n, seed=SEEDS["single"], n_objects=1, attributes=coloured))
    kinds = attributes.TINTED if coloured else scenes.kinds()
    result: dict[str, Any] = {"kinds": len(kinds), "candidates": CANDIDATES, "scenes": n}
    result["zero_shot"] = zero_shot(encoder, single, coloured)
    for pairs in ("train", "held-out"):
        key = pairs.replace("-", "_")
        result[f"retrieval_{key}_pairs"] = retrieval(encoder, pairs, rounds, coloured)
        two = list(scenes.scenes(n, seed=SEEDS[pairs] + 500_000, n_objects=2, pairs=pairs, attributes=coloured))
        result[f"pair_zero_shot_{key}_pairs"] = zero_shot(encoder, two, coloured)
    if coloured:
        result["twins"] = {twin: twins(encoder, twin, n) for twin in attributes.TWINS}
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name")
    parser.add_argument("--rounds", type=int, default=10, help="of 100 scenes each")
    parser.add_argument("--attributes", action="store_true", help="as in training")
    parser.add_argument("--out", type=Path, help="instead of metrics.json beside the weights")
    args = parser.parse_args()
    encoder = fixlip.load_model(args.name)
    figures = {"weights": encoder.weights, **measure(encoder, args.rounds, args.attributes)}
    text = json.dumps(figures, indent=2)
    (args.out or asset_folder(args.name) / "metrics.json").write_text(text + "\n")
    print(text)


if __name__ == "__main__":
    main()
