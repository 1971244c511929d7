"""Train a bundled dual encoder on scenes: one contrastive loop, on CPU or GPU, resumable.

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
import math
import time
from pathlib import Path

import numpy as np
import open_clip
import torch
from torch.utils.data import DataLoader, Dataset

from fixlip.datasets import scenes
from fixlip.encoders.bundled import WEIGHTS, asset_folder, write_weights

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


def remove_patches(pixels: torch.Tensor, patch: int, generator: torch.Generator) -> torch.Tensor:
    """Set random patches of normalised pixels to 0; the removed share is drawn from 0..0.8 for each picture."""
    b, _, h, w = pixels.shape
    share = 0.8 * torch.rand(b, 1, 1, 1, generator=generator)
    keep = torch.rand(b, 1, h // patch, w // patch, generator=generator) >= share
    return pixels * keep.to(pixels).repeat_interleave(patch, 2).repeat_interleave(patch, 3)


def learning_rate(step: int, steps: int, peak: float, warmup: int) -> float:
    """Linear warm-up, then a cosine to zero."""
    return peak * min((step + 1) / warmup, 0.5 * (1 + math.cos(math.pi * step / steps)))


def parameter_groups(model: torch.nn.Module, decay: float) -> list[dict]:
    """Weight decay for matrices only."""
    matrices = [p for p in model.parameters() if p.ndim >= 2]
    others = [p for p in model.parameters() if p.ndim < 2]
    return [{"params": matrices, "weight_decay": decay}, {"params": others, "weight_decay": 0.0}]


def caption_ids(tokenizer) -> set[int]:
    """The ids of all tokens that captions of scenes are made of, padding included."""
    captions = [
        t.format(*[scenes.prompt(k) for k in scenes.kinds()[:4]]) for ts in scenes.TEMPLATES.values() for t in ts
    ]
    captions += [scenes.prompt(k) for k in scenes.kinds()]
    return set(tokenizer(captions).flatten().tolist())


def train(args: argparse.Namespace) -> None:
    args.out.mkdir(parents=True, exist_ok=True)
    source = f"local-dir:{asset_folder(args.name)}"
    torch.manual_seed(args.seed)
    model = open_clip.create_model(source, load_weights=False, output_dict=True).to(args.device).train()
    config = json.loads((asset_folder(args.name) / "open_clip_config.json").read_text())
    loss_of = open_clip.loss.SigLipLoss() if model.logit_bias is not None else open_clip.loss.ClipLoss()
    optimizer = torch.optim.AdamW(parameter_groups(model, 0.1), lr=args.lr, betas=(0.9, 0.98), eps=1e-6)
    steps, start, checkpoint = args.scenes // args.batch, 0, args.out / "checkpoint.pt"
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True, map_location=args.device)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        start = state["step"]
    data = SceneBatches(open_clip.get_tokenizer(source), model.visual.image_size[0], args.batch, steps, args.seed)
    batches = DataLoader(data, batch_size=None, sampler=range(start, steps), num_workers=args.workers)
    mean, std = (torch.tensor(config["preprocess_cfg"][k], device=args.device).view(3, 1, 1) for k in ("mean", "std"))
    began = time.time()
    for step, (images, tokens) in enumerate(batches, start):
        pixels = (images.to(args.device).float() / 255 - mean) / std
        if step % 2:
            pixels = remove_patches(pixels, args.patch, torch.Generator().manual_seed(step))
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, steps, args.lr, args.warmup)
        with torch.autocast(args.device, torch.bfloat16, enabled=args.bf16):
            output = model(pixels, tokens.to(args.device))
        output = {k: v.float() for k, v in output.items()}
        loss = loss_of(**output)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        with torch.no_grad():
            model.logit_scale.clamp_(max=math.log(100))
        if step % 20 == 0 or step == steps - 1:
            line = {"step": step, "of": steps, "loss": round(loss.item(), 4), "seconds": round(time.time() - began)}
            line["scale"] = round(model.logit_scale.exp().item(), 2)
            print(json.dumps(line), flush=True)
            with (args.out / "log.jsonl").open("a") as log:
                log.write(json.dumps(line) + "\n")
        if (step + 1) % args.save_every == 0 or step == steps - 1:
            state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step + 1}
            torch.save(state, checkpoint.with_suffix(".new"))
            checkpoint.with_suffix(".new").replace(checkpoint)
    write_weights(model.state_dict(), args.weights or asset_folder(args.name) / WEIGHTS, caption_ids(data.tokenizer))


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
    train(parse())
