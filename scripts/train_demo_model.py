"""Train a bundled dual encoder on scenes, on CPU or GPU, resumable: `fixlip.training` from random weights.

    python scripts/train_demo_model.py demo-clip --out runs/demo-clip
    python scripts/evaluate_demo_model.py demo-clip

Reads the configuration in `fixlip/assets/NAME/open_clip_config.json`. Writes a checkpoint and a log to `--out`; started
again it goes on from there. At the end it writes the weights beside the configuration.

Every step has its own seed, so an interrupted run sees the same scenes as an uninterrupted one. No two scenes of a
batch show the same objects, so that every other caption of the batch is a true negative. Half of the batches have
random patches removed, set to the mean colour, which is the removal operator that explanations use by default.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import open_clip
import torch
from torch.utils.data import Dataset

from fixlip.datasets import scenes
from fixlip.encoders.bundled import WEIGHTS, asset_folder, write_weights
from fixlip.training import Recipe, train

N_OBJECTS = [0.2, 0.3, 0.3, 0.2]  # share of scenes with one to four objects


class SceneBatches(Dataset):
    """Item i is the training batch of step i: uint8 pictures [B, 3, side, side] and token ids [B, L]."""

    def __init__(self, tokenizer, side: int, batch: int, steps: int, seed: int):
        self.tokenizer, self.side, self.batch, self.steps, self.seed = tokenizer, side, batch, steps, seed

    def __len__(self) -> int:
        return self.steps

    def __getitem__(self, step: int) -> tuple[torch.Tensor, torch.Tensor]:
        rng = np.random.default_rng([self.seed, step, scenes.TRAINING_SEEDS])
        images, captions, seen = [], [], set()
        while len(images) < self.batch:
            names = scenes.choose_names(rng, int(rng.choice(4, p=N_OBJECTS)) + 1, "train")
            if frozenset(names) in seen:
                continue
            seen.add(frozenset(names))
            captions.append(scenes.caption_of(names, rng)[0])
            images.append(np.asarray(scenes.compose(names, self.side, rng)[0]))
        return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).contiguous(), self.tokenizer(captions)


def caption_ids(tokenizer) -> set[int]:
    """The ids of all tokens that captions of scenes are made of, padding included."""
    captions = [
        t.format(*[scenes.prompt(k) for k in scenes.kinds()[:4]]) for ts in scenes.TEMPLATES.values() for t in ts
    ]
    captions += [scenes.prompt(k) for k in scenes.kinds()]
    return set(tokenizer(captions).flatten().tolist())


def train_from_scratch(args: argparse.Namespace) -> None:
    source = f"local-dir:{asset_folder(args.name)}"
    torch.manual_seed(args.seed)
    model = open_clip.create_model(source, load_weights=False).to(args.device)
    config = json.loads((asset_folder(args.name) / "open_clip_config.json").read_text())["preprocess_cfg"]
    steps, patch = args.scenes // args.batch, (args.patch, args.patch)
    batches = SceneBatches(open_clip.get_tokenizer(source), model.visual.image_size[0], args.batch, steps, args.seed)
    train(
        model,
        batches,
        Recipe(steps, args.lr, args.warmup, patch=patch, bf16=args.bf16),
        args.out,
        normalise=(config["mean"], config["std"]),
        workers=args.workers,
        save_every=args.save_every,
        on_line=lambda line: print(json.dumps(line), flush=True),
    )
    weights = args.weights or asset_folder(args.name) / WEIGHTS
    write_weights(model.state_dict(), weights, caption_ids(batches.tokenizer))


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", help="a folder of fixlip/assets with an open_clip_config.json")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--weights", type=Path, help="instead of beside the configuration")
    parser.add_argument("--scenes", type=int, default=550_000)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--warmup", type=int, default=100, help="steps")
    parser.add_argument("--patch", type=int, default=16, help="side of the patches that are removed, in pixels")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--bf16", action=argparse.BooleanOptionalAction, default=False)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--save-every", type=int, default=100)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    train_from_scratch(parse())
