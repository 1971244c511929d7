"""Removal operators: what it means that a patch or a token is absent.

Of a picture:

- ``mean``: the normalised pixels of a removed patch are 0, the mean colour of the training data (as in FIxLIP).
- ``blur``: its pixels are those of the blurred picture; ``blur:SIGMA`` sets the width in pixels of the model's input,
  1/16 of the shorter side unless given.
- ``attention``: its token stays in place, but nothing attends to it, in any block and in the pooling.
- ``drop``: its token is really removed, so that fewer are computed. The same numbers as ``attention``, sooner.

A tower without a class token has nothing left when every patch is removed by ``attention`` or ``drop``; the empty
picture is then the one of the mean colour.

Of a caption:

- ``attention``: nothing attends to a removed token, in any block; positions stay (as in FIxLIP).
- ``replace``: another token takes its place; ``replace:ID`` says which, else the tokenizer's mask or unknown token,
  else its padding, else token 0.
- ``delete``: the tokens that are left move together, as if the caption had been written without the removed ones.
"""

from dataclasses import dataclass

import torch
from torch.nn.functional import pad

from fixlip.errors import OptionError, unknown

IMAGE = ("mean", "blur", "attention", "drop")
TEXT = ("attention", "replace", "delete")
_PARAMETERS = {"blur": float, "replace": int}


@dataclass(frozen=True)
class Operator:
    """A removal operator by name, with its parameter where it takes one and one was given."""

    name: str
    value: float | int | None = None

    def __str__(self) -> str:
        return self.name if self.value is None else f"{self.name}:{self.value:g}"


def parse(text: str, allowed: tuple[str, ...], modality: str) -> Operator:
    """An operator from ``name`` or ``name:value``.

    Raises:
        OptionError: a name that is not among `allowed`, or a value that the operator does not take.
    """
    name, colon, value = str(text).partition(":")
    if name not in allowed:
        raise OptionError(unknown(f"{modality} removal of this model", name, allowed))
    if not colon:
        return Operator(name)
    if name not in _PARAMETERS:
        raise OptionError(f"The {modality} removal {name!r} takes no value, got {value!r}.")
    try:
        number = _PARAMETERS[name](value)
    except ValueError:
        number = -1
    if not 0 <= number < 1e9 or (name == "blur" and number == 0):
        raise OptionError(f"The {modality} removal {name!r} takes a positive number, got {value!r}.")
    return Operator(name, number)


def filler(pixels: torch.Tensor, removal: Operator) -> torch.Tensor:
    """What shows where pixels [3, height, width] are removed by ``mean`` or ``blur``.

    Raises:
        OptionError: a blur that reaches over the whole input.
    """
    if removal.name == "mean":
        return torch.zeros_like(pixels)
    from torchvision.transforms.functional import gaussian_blur

    side = min(pixels.shape[-2:])
    sigma = float(removal.value or side / 16)
    reach = max(1, round(3 * sigma))
    if reach >= side:
        raise OptionError(f"blur:{sigma:g} reaches over the whole input of {side} pixels; at most {(side - 1) // 3}.")
    return gaussian_blur(pixels, [2 * reach + 1] * 2, [sigma] * 2)


def removed_pixels(pixels: torch.Tensor, labels: torch.Tensor, masks: torch.Tensor, removal: Operator) -> torch.Tensor:
    """Pictures [B, 3, height, width] of which only the units in masks [B, units] are left.

    `labels` [height, width] says to which unit a pixel belongs; those with -1 stay.
    """
    keep = pad(masks, (1, 0), value=True)[:, labels + 1]
    return torch.where(keep[:, None], pixels, filler(pixels, removal))


def kept_first(keep: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """For a mask [B, L] the order that puts what is kept in front (order kept), and how many are kept in each row."""
    return (~keep).int().argsort(dim=1, stable=True), keep.sum(1)
