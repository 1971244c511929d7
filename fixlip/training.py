"""Training and fine-tuning of dual encoders of open_clip on pictures and captions, with checkpoints and a log.

`train` takes any model of open_clip and any batches. `CaptionBatches` makes batches of a data set (`fixlip.datasets`),
and `write_model` writes the result as a folder for `fixlip.load_model("local-dir:...")`. `scripts/fine_tune.py` puts
them together.
"""

import json
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import open_clip
import torch
from open_clip.constants import HF_CONFIG_NAME, HF_SAFE_WEIGHTS_NAME
from PIL import Image
from safetensors.torch import save
from torch.nn.functional import cross_entropy, pad, softplus
from torch.utils.data import DataLoader, Dataset

from fixlip.datasets.base import BadItem, Caption
from fixlip.datasets.base import Dataset as CaptionData
from fixlip.errors import InputError, OptionError
from fixlip.io.files import replacing, write_atomically
from fixlip.runtime.memory import enough_for
from fixlip.runtime.threads import starting_processes

Batches = Dataset[tuple[torch.Tensor, ...]]
CHECKPOINT, LOG, LOG_EVERY = "checkpoint.pt", "log.jsonl", 20


@dataclass(frozen=True)
class Recipe:
    """The settings of a training.

    Attributes:
        steps: number of batches.
        lr: peak learning rate, reached by a linear warm-up over `warmup` steps and followed by a cosine to zero.
        warmup: number of warm-up steps.
        decay: weight decay of matrices.
        patch: height and width in pixels of the patches that are set to the mean colour in every other batch, so that
            the model knows the masked pictures of explanations; None removes no patches.
        bf16: compute in bfloat16 (weights stay as they are).
    """

    steps: int
    lr: float
    warmup: int = 100
    decay: float = 0.1
    patch: tuple[int, int] | None = None
    bf16: bool = False


def train(
    model: Any,
    batches: Batches,
    recipe: Recipe,
    folder: Path,
    *,
    normalise: tuple[Sequence[float], Sequence[float]] | None = None,
    workers: int = 1,
    save_every: int = 100,
    on_line: Callable[[dict[str, Any]], None] | None = None,
) -> None:
    """Train a model in place; with the folder of an earlier run, continue from its last checkpoint.

    The loss is that of the model's family: softmax (CLIP), or sigmoid where the model has a logit bias (SigLIP); every
    other caption of a batch counts as wrong, and so do captions that the batch says are wrong (`contrastive_loss`).
    AdamW, gradients clipped to norm 1, temperature at most 100. Parameters that need no gradient stay as they are.
    Without dropout an interrupted run ends with the same bits as a run without interruption.

    Args:
        model: `open_clip.CLIP`, `CustomTextCLIP` or `CoCa` (only its two towers), on its device; it is in evaluation
            mode and without gradients at the end, also after an error.
        batches: item k is the batch of step k: pictures [B, 3, H, W], normalised floats or uint8, token ids [B, L],
            and where there are such, those of captions [B, K, L] that are wrong for their picture.
        recipe: the settings.
        folder: folder of the checkpoint (``checkpoint.pt``) and the log (``log.jsonl``), created if necessary.
        normalise: mean and std of the three channels in 0..1, for pictures in uint8.
        workers: number of processes that make batches.
        save_every: number of steps between checkpoints.
        on_line: called with each line of the log, every 20 steps and at the end: step, of, loss (of a batch without
            removal, except at the end), seconds, scale (temperature).

    Raises:
        OptionError: the folder holds a run with another recipe.
        InputError: the checkpoint is damaged or cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    device = next(model.parameters()).device
    optimizer = torch.optim.AdamW(parameter_groups(model, recipe.decay), lr=recipe.lr, betas=(0.9, 0.98), eps=1e-6)
    start = _resume(folder / CHECKPOINT, model, optimizer, recipe)
    seeds = torch.Generator()  # else the loader draws from torch's global generator
    loader = DataLoader(
        batches, batch_size=None, sampler=range(start, recipe.steps), num_workers=workers, generator=seeds
    )
    with starting_processes():
        ready = iter(loader)
    model.train()
    began = time.time()
    try:
        for step, (pictures, *tokens) in enumerate(ready, start):
            with enough_for(f"a batch of {len(pictures)} pictures", "use smaller batches, or bf16=True"):
                loss = _step(model, optimizer, recipe, step, _normalised(pictures.to(device), normalise), *tokens)
            last = step == recipe.steps - 1
            if step % LOG_EVERY == 0 or last:
                line = {"step": step, "of": recipe.steps, "loss": round(loss.item(), 4)}
                line |= {"seconds": round(time.time() - began), "scale": round(model.logit_scale.exp().item(), 2)}
                with (folder / LOG).open("a") as log:
                    log.write(json.dumps(line) + "\n")
                if on_line:
                    on_line(line)
            if (step + 1) % save_every == 0 or last:
                state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step + 1}
                _write(folder / CHECKPOINT, state | {"recipe": asdict(recipe)})
    finally:
        optimizer.zero_grad(set_to_none=True)
        model.eval()


def _step(
    model: Any,
    optimizer: torch.optim.Optimizer,
    recipe: Recipe,
    step: int,
    pixels: torch.Tensor,
    *tokens: torch.Tensor,
) -> torch.Tensor:
    """Train on one batch; return its loss on the device."""
    if recipe.patch and step % 2:
        pixels = remove_patches(pixels, recipe.patch, torch.Generator().manual_seed(step))
    for group in optimizer.param_groups:
        group["lr"] = learning_rate(step, recipe.steps, recipe.lr, recipe.warmup)
    with torch.autocast(pixels.device.type, torch.bfloat16, enabled=recipe.bf16):
        loss = contrastive_loss(model, pixels, *(ids.to(pixels.device) for ids in tokens))
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    with torch.no_grad():
        model.logit_scale.clamp_(max=math.log(100))
    return loss.detach()


def _write(path: Path, state: dict[str, Any]) -> None:
    with replacing(path) as file:
        try:
            torch.save(state, file)
        except RuntimeError as error:  # the error of torch for a full disk
            raise InputError(f"Cannot write {str(path)!r}: {str(error).splitlines()[0]}.") from error


def contrastive_loss(
    model: Any, pixels: torch.Tensor, tokens: torch.Tensor, wrong: torch.Tensor | None = None
) -> torch.Tensor:
    """Return the loss of a batch, a scalar in float32.

    Args:
        model: as in `train`.
        pixels: normalised [B, 3, H, W].
        tokens: ids of the true captions [B, L].
        wrong: ids of captions [B, K, L] that are wrong for their own picture, and count for no other; rows of zeros
            are no captions.

    Source of wrong captions in the loss: Yuksekgonul et al., When and Why Vision-Language Models Behave like
    Bags-of-Words, ICLR 2023. Reading taken: those of other pictures, which may be true of this one, are left out.
    """
    texts = tokens if wrong is None else torch.cat([tokens, wrong.flatten(0, 1)])
    u, w = model.encode_image(pixels, normalize=True), model.encode_text(texts, normalize=True)
    w, others = w[: len(tokens)], w[len(tokens) :]
    inputs = {"image_features": u, "text_features": w, "logit_scale": model.logit_scale.exp()}
    bias = getattr(model, "logit_bias", None)
    if bias is not None:
        inputs["logit_bias"] = bias
    loss = open_clip.loss.ClipLoss() if bias is None else open_clip.loss.SigLipLoss()
    with torch.autocast(pixels.device.type, enabled=False):
        inputs = {name: value.float() for name, value in inputs.items()}
        if wrong is None:
            return loss(**inputs)
        u, w, scale = inputs["image_features"], inputs["text_features"], inputs["logit_scale"]
        own = scale * (u[:, None] * others.float().view(*wrong.shape[:2], -1)).sum(-1)
        own = own.masked_fill(~wrong.any(-1), -torch.inf)
        if bias is not None:
            return loss(**inputs) + softplus(own + inputs["logit_bias"]).sum() / len(u)
        logits, right = scale * u @ w.T, torch.arange(len(u), device=u.device)
        return (cross_entropy(torch.cat([logits, own], 1), right) + cross_entropy(logits.T, right)) / 2


def remove_patches(pixels: torch.Tensor, patch: tuple[int, int], generator: torch.Generator) -> torch.Tensor:
    """Set random patches of normalised pixels [B, 3, H, W] to 0, the mean colour.

    The share of removed patches is drawn from 0..0.8 for each picture. Pixels beyond the last whole patch stay.
    """
    b, _, h, w = pixels.shape
    rows, columns = h // patch[0], w // patch[1]
    share = 0.8 * torch.rand(b, 1, 1, 1, generator=generator)
    keep = (torch.rand(b, 1, rows, columns, generator=generator) >= share).to(pixels)
    keep = keep.repeat_interleave(patch[0], 2).repeat_interleave(patch[1], 3)
    return pixels * pad(keep, (0, w - keep.shape[3], 0, h - keep.shape[2]), value=1.0)


def learning_rate(step: int, steps: int, peak: float, warmup: int) -> float:
    """Return the learning rate at a step: a linear warm-up to `peak`, then a cosine that ends in zero at `steps`."""
    return peak * min((step + 1) / warmup, 0.5 * (1 + math.cos(math.pi * step / steps)))


def parameter_groups(model: torch.nn.Module, decay: float) -> list[dict[str, Any]]:
    """Return groups of the trained parameters, in which only matrices have weight decay."""
    trained = [p for p in model.parameters() if p.requires_grad]
    matrices, others = [p for p in trained if p.ndim >= 2], [p for p in trained if p.ndim < 2]
    return [{"params": matrices, "weight_decay": decay}, {"params": others, "weight_decay": 0.0}]


def _resume(checkpoint: Path, model: Any, optimizer: torch.optim.Optimizer, recipe: Recipe) -> int:
    """Load a checkpoint, if there is one; return the next step."""
    if not checkpoint.exists():
        return 0
    try:
        state = torch.load(checkpoint, weights_only=True, map_location=next(model.parameters()).device)
        if not isinstance(state, dict) or not {"model", "optimizer", "step"} <= state.keys():
            raise ValueError("it has no model, optimizer and step")
    except Exception as error:  # torch and pickle raise many kinds
        reason = str(error).partition(". ")[0].partition("\n")[0]
        raise InputError(f"{str(checkpoint)!r} is not a checkpoint of a training: {reason}; remove it.") from error
    before, now = state.get("recipe", asdict(recipe)), asdict(recipe)
    other = [f"{name} = {before[name]!r}, not {now[name]!r}" for name in now if before.get(name) != now[name]]
    if other:
        raise OptionError(f"{str(checkpoint.parent)!r} holds a training with {', '.join(other)}; use another folder.")
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    return int(state["step"])


def _normalised(pictures: torch.Tensor, normalise: tuple[Sequence[float], Sequence[float]] | None) -> torch.Tensor:
    if pictures.dtype != torch.uint8:
        return pictures
    if normalise is None:
        raise OptionError("Pictures in uint8 need normalise=(mean, std).")
    mean, std = (torch.tensor(values, device=pictures.device).view(3, 1, 1) for values in normalise)
    return (pictures.float() / 255 - mean) / std


class CaptionBatches(Dataset[tuple[torch.Tensor, torch.Tensor]]):
    """Batches of pictures and captions of data sets, by step, for `train`.

    Each data set is used in a random order, and in a new order after its end. If there are several captions, one is
    drawn. Unusable entries are left out of their batch, and so are pairs whose caption is already in the batch, since
    they would count as wrong for their own picture.

    Args:
        parts: each data set with the number of its pairs in a batch.
        transform: maps a picture to normalised pixels [3, H, W].
        tokenizer: maps captions to token ids [B, L].
        steps: number of batches.
        seed: fixes the orders and the captions.
        same: two captions are the same if they have the same text ("text"), or if they name the same things ("objects",
            for data sets that list all things that a caption names).

    Attributes:
        bad: for each data set, which entries were unusable so far, bool.
    """

    def __init__(
        self,
        parts: Sequence[tuple[CaptionData, int]],
        transform: Callable[[Image.Image], torch.Tensor],
        tokenizer: Callable[[list[str]], torch.Tensor],
        steps: int,
        *,
        seed: int = 0,
        same: Literal["text", "objects"] = "text",
    ) -> None:
        self.parts, self.transform, self.tokenizer = parts, transform, tokenizer
        self.steps, self.seed, self.same = steps, seed, same
        self.bad = [torch.zeros(len(data), dtype=torch.bool).share_memory_() for data, _ in parts]  # shared by workers

    def __len__(self) -> int:
        return self.steps

    def __getitem__(self, step: int) -> tuple[torch.Tensor, torch.Tensor]:
        rng = np.random.default_rng([self.seed, step])
        chosen: dict[Any, tuple[torch.Tensor, str]] = {}
        for part, index in self._entries(step):
            item = self.parts[part][0][index]
            if isinstance(item, BadItem):
                self.bad[part][index] = True
                continue
            caption = item.captions[rng.integers(len(item.captions))]
            if self._key(caption) in chosen:
                continue
            try:
                chosen[self._key(caption)] = self.transform(item.open()), caption.text
            except InputError:
                self.bad[part][index] = True
        if not chosen:
            raise InputError(f"No entry of batch {step} can be used; `fixlip evaluate` says what is wrong with each.")
        pixels, captions = zip(*chosen.values(), strict=True)
        return torch.stack(pixels), self.tokenizer(list(captions))

    def _entries(self, step: int) -> Iterator[tuple[int, int]]:
        for part, (data, n) in enumerate(self.parts):
            for place in range(step * n, (step + 1) * n):
                epoch, k = divmod(place, len(data))
                yield part, int(_order(self.seed, part, epoch, len(data))[k])

    def _key(self, caption: Caption) -> Any:
        if self.same == "objects" and caption.objects:
            return frozenset(thing.name for thing in caption.objects)
        return caption.text


@lru_cache(maxsize=8)
def _order(seed: int, part: int, epoch: int, n: int) -> np.ndarray:
    return np.random.default_rng([seed, part, epoch]).permutation(n)


def write_model(
    folder: Path, model: Any, tokenizer: Any, model_cfg: Mapping[str, Any], preprocess_cfg: Mapping[str, Any]
) -> None:
    """Write a model of open_clip as a folder for `fixlip.load_model("local-dir:FOLDER")` and open_clip itself.

    Args:
        folder: the folder, created if necessary.
        model: the model with its weights.
        tokenizer: the result of `open_clip.get_tokenizer`; a tokenizer of transformers is written to the folder too.
        model_cfg: `open_clip.get_model_config(name)`.
        preprocess_cfg: mean, std, interpolation, resize_mode, as in open_clip.
    """
    folder.mkdir(parents=True, exist_ok=True)
    config = {"model_cfg": json.loads(json.dumps(model_cfg)), "preprocess_cfg": dict(preprocess_cfg)}
    if hasattr(tokenizer, "tokenizer"):
        tokenizer.save_pretrained(str(folder))
        config["model_cfg"]["text_cfg"].setdefault("hf_tokenizer_name", folder.name)
    weights = save({k: v.detach().cpu().contiguous() for k, v in model.state_dict().items()})
    write_atomically(folder / HF_SAFE_WEIGHTS_NAME, weights)
    write_atomically(folder / HF_CONFIG_NAME, (json.dumps(config, indent=2) + "\n").encode())
