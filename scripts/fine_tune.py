r"""Fine-tune a dual encoder of open_clip on pictures and captions, resumable, on CPU or GPU.

    python scripts/fine_tune.py demo-clip --out runs/new-kinds --same objects \
        --data "scenes:20000 vocabulary=new size=112 seed=1000000000" \
        --replay 0.5 --replay-data "scenes:20000 size=112 seed=1100000000"
    python scripts/fine_tune.py ViT-B-32 --pretrained openai --out runs/coco --lr 1e-5 \
        --data "coco:/data/coco split=train2017"

Data sets are those of `fixlip evaluate` (`fixlip.datasets.load_dataset`, options after the name); what cannot be used
in them is skipped and counted. `--replay` is the share of each batch that comes from `--replay-data`, so that the model
does not forget. Writes a checkpoint and a log to `--out`; started again it goes on from there. At the end it writes
`OUT/model`, which `fixlip.load_model("local-dir:OUT/model")` reads, with `settings.json` in it.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import open_clip
import torch

import fixlip
from fixlip import specs
from fixlip.datasets import load_dataset
from fixlip.datasets.base import Dataset
from fixlip.encoders.bundled import asset_folder, bundled_models
from fixlip.encoders.preprocessing import Preprocessor
from fixlip.errors import OptionError, UnsupportedModelError
from fixlip.training import CaptionBatches, Recipe, train, write_model

PREPROCESS = ("mean", "std", "interpolation", "resize_mode", "fill_color")


def data_set(spec: str) -> Dataset:
    name, options = specs.parse(spec)
    return load_dataset(name, **options)


def parts_of(args: argparse.Namespace) -> list[tuple[Dataset, int]]:
    """The data sets, and how many pairs of each batch they give."""
    if (args.replay > 0) != bool(args.replay_data) or not 0 <= args.replay < 1:
        raise OptionError("--replay is a share from 0 to below 1, and goes with --replay-data.")
    old = round(args.batch * args.replay)
    parts = [(data_set(args.data), args.batch - old)]
    return [*parts, (data_set(args.replay_data), old)] if old else parts


def open_clip_parts(args: argparse.Namespace) -> tuple[Any, Preprocessor, Any, dict[str, Any]]:
    """The model, its preprocessing, its tokenizer and its configuration."""
    encoder = fixlip.load_model(args.model, pretrained=args.pretrained, device=args.device)
    prepare = encoder.image_tower.prepare if encoder.family.startswith("open_clip") else None
    if not isinstance(prepare, Preprocessor):
        raise UnsupportedModelError(f"{args.model}: only models of open_clip can be fine-tuned here.")
    source = f"local-dir:{asset_folder(args.model)}" if args.model in bundled_models() else args.model
    config = open_clip.get_model_config(source)
    if (open_clip.get_pretrained_cfg(args.model, args.pretrained) or {}).get("quick_gelu"):
        config["quick_gelu"] = True
    return encoder.model, prepare, open_clip.get_tokenizer(source), config


def fine_tune(args: argparse.Namespace) -> Path:
    """Train, write the model, and return its folder."""
    model, prepare, tokenizer, config = open_clip_parts(args)
    parts, steps, skipped = parts_of(args), max(1, args.pairs // args.batch), args.out / "skipped.json"
    batches = CaptionBatches(parts, prepare.transform, tokenizer, steps, seed=args.seed, same=args.same)
    for bad, known in zip(batches.bad, json.loads(skipped.read_text()) if skipped.exists() else (), strict=False):
        bad[torch.tensor(known, dtype=torch.long)] = True

    def print_line(line: dict[str, Any]) -> None:
        skipped.write_text(json.dumps([bad.nonzero().flatten().tolist() for bad in batches.bad]))
        print(json.dumps(line), flush=True)

    patch = (prepare.height // prepare.grid[0], prepare.width // prepare.grid[1]) if args.removal else None
    recipe = Recipe(steps, args.lr, args.warmup, args.decay, patch, args.bf16)
    torch.manual_seed(args.seed)
    train(model, batches, recipe, args.out, workers=args.workers, save_every=args.save_every, on_line=print_line)
    preprocess = {name: getattr(prepare.config, name) for name in PREPROCESS}
    write_model(args.out / "model", model, tokenizer, config, preprocess)
    settings = {k: v for k, v in vars(args).items() if k not in ("out", "device", "workers", "save_every")}
    (args.out / "model" / "settings.json").write_text(json.dumps(settings, indent=2) + "\n")
    for (data, _), bad in zip(parts, batches.bad, strict=True):
        print(f"{data.name}: {int(bad.sum())} of {len(bad)} entries could not be used")
    return args.out / "model"


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="demo-clip, a name of open_clip, hf-hub:org/repo or local-dir:/path")
    parser.add_argument("--pretrained", default="openai", help="weights of a name of open_clip")
    parser.add_argument("--data", required=True)
    parser.add_argument("--replay", type=float, default=0.0, metavar="SHARE")
    parser.add_argument("--replay-data")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--pairs", type=int, default=40_000, help="of a picture and a caption, in all")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--lr", type=float, default=3e-4, help="peak")
    parser.add_argument("--warmup", type=int, default=50, help="steps")
    parser.add_argument("--decay", type=float, default=0.1, help="of the weights")
    parser.add_argument(
        "--removal", action=argparse.BooleanOptionalAction, default=True, help="of patches, half the time"
    )
    parser.add_argument("--same", choices=("text", "objects"), default="text", help="what no batch has twice")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--bf16", action=argparse.BooleanOptionalAction, default=False)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--save-every", type=int, default=50, help="steps")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    print(f"local-dir:{fine_tune(parse())}")
