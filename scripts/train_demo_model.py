"""Train a bundled dual encoder on scenes, on CPU or GPU, resumable: `fixlip.training` from random weights.

    python scripts/train_demo_model.py demo-clip --out runs/demo-clip
    python scripts/evaluate_demo_model.py demo-clip

`demo-bag` and `demo-bound` see as many pictures of scenes with attributes, drawn alike, from the same first weights on.
The captions of `demo-bag` say colours, sizes and places of the one thing or of the other by chance, so that there is
nothing to bind; `demo-bound` is told for each picture which captions with exchanged words are wrong:

    python scripts/train_demo_model.py demo-bag --attributes --shuffled --scenes 256_000 --batch 64 --out runs/bag
    python scripts/train_demo_model.py demo-bound --attributes --scenes 256_000 --batch 64 --twins 2 --out runs/bound

Reads the configuration in `fixlip/assets/NAME/open_clip_config.json`. Writes a checkpoint and a log to `--out`; started
again it goes on from there. At the end it writes the weights beside the configuration.

Every step has its own seed, so an interrupted run sees the same scenes as an uninterrupted one. No two scenes of a
batch show the same objects, so that every other caption of the batch is a true negative; with attributes, no two show
the same kinds in the same colours, whichever has which. Half of the batches have random patches removed, set to the
mean colour, which is the removal operator that explanations use by default.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import open_clip
import torch
from torch.utils.data import Dataset

from fixlip.datasets import attributes, scenes
from fixlip.encoders.bundled import WEIGHTS, asset_folder, write_weights
from fixlip.training import Recipe, train

N_OBJECTS = [0.2, 0.3, 0.3, 0.2]  # share of scenes with one to four objects
PLACES = 1.0  # with attributes: standard deviation of the first position embeddings of patches
ONE, TWO_FROM = 0.2, 0.3  # with attributes: share of scenes with one thing, from this part of the training on


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
        return stacked(images), self.tokenizer(captions)


class AttributeBatches(SceneBatches):
    """The same of scenes with attributes; and if `twins` > 0, the ids of so many wrong twins [B, twins, L].

    The first scenes show one thing each, later ones mostly two. `shuffled` captions give colours, sizes and places to
    the one thing or to the other by chance.
    """

    def __init__(self, *args, twins: int = 0, shuffled: bool = False):
        super().__init__(*args)
        self.twins, self.shuffled = twins, shuffled

    def __getitem__(self, step: int) -> tuple[torch.Tensor, ...]:
        rng = np.random.default_rng([self.seed, step, scenes.TRAINING_SEEDS])
        one = max(ONE, 1 - (1 - ONE) * step / (TWO_FROM * self.steps))
        images, captions, wrong, seen = [], [], [], set()
        while len(images) < self.batch:
            names = scenes.choose_names(rng, 1 if rng.uniform() < one else 2, "train", attributes=True)
            said = attributes.describe(names, rng)
            words = frozenset(word for thing in said.things for word in (thing.name, thing.colour))
            if words in seen:
                continue
            seen.add(words)
            captions.append((said.exchanged(*(rng.uniform(size=3) < 0.5)) if self.shuffled else said).caption)
            wrong.append(list(said.twins().values())[: self.twins])
            images.append(np.asarray(attributes.compose(said, self.side, rng)[0]))
        tokens = self.tokenizer(captions)
        if not self.twins:
            return stacked(images), tokens
        others = tokens.new_zeros(len(wrong), self.twins, tokens.shape[1])
        for row, twins in zip(others, wrong, strict=True):
            row[: len(twins)] = self.tokenizer(twins)
        return stacked(images), tokens, others


def stacked(images: list[np.ndarray]) -> torch.Tensor:
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).contiguous()


def caption_ids(tokenizer, with_attributes: bool = False) -> set[int]:
    """The ids of all tokens that captions of scenes are made of, padding included."""
    templates = attributes.TEMPLATES if with_attributes else scenes.TEMPLATES
    captions = [t.format(*[scenes.prompt(k) for k in scenes.kinds()[:4]]) for ts in templates.values() for t in ts]
    if with_attributes:
        captions += [*attributes.TINTED, *attributes.COLOURS, *attributes.SIZES, *attributes.TURNED]
    else:
        captions += [scenes.prompt(k) for k in scenes.kinds()]
    return set(tokenizer(captions).flatten().tolist())


def train_from_scratch(args: argparse.Namespace) -> None:
    source = f"local-dir:{asset_folder(args.name)}"
    torch.manual_seed(args.seed)
    model = open_clip.create_model(source, load_weights=False).to(args.device)
    config = json.loads((asset_folder(args.name) / "open_clip_config.json").read_text())["preprocess_cfg"]
    steps, patch = args.scenes // args.batch, (args.patch, args.patch)
    what = open_clip.get_tokenizer(source), model.visual.image_size[0], args.batch, steps, args.seed
    if args.attributes:  # places matter here, so that patches should not drown them
        torch.nn.init.normal_(model.visual.positional_embedding, std=PLACES)
    more = {"twins": args.twins, "shuffled": args.shuffled}
    batches = AttributeBatches(*what, **more) if args.attributes else SceneBatches(*what)
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
    write_weights(model.state_dict(), weights, caption_ids(batches.tokenizer, args.attributes))


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", help="a folder of fixlip/assets with an open_clip_config.json")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--weights", type=Path, help="instead of beside the configuration")
    parser.add_argument("--attributes", action="store_true", help="scenes of coloured things")
    parser.add_argument("--shuffled", action="store_true", help="captions that say what there is, not of which thing")
    parser.add_argument("--twins", type=int, default=0, help="wrong twins of each caption in the loss")
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
