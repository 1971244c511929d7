"""Removal operators: what it means that a patch or a token is absent.

Of a picture:

- ``mean``: the normalised pixels of a removed patch are 0 (as in FIxLIP): the mean colour of the training data,
  or black for a model that does not normalise.
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

Each is one `Removal`. Another package adds one under the entry point ``fixlip.removals``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from fixlip.errors import OptionError, unknown
from fixlip.plugins import joined

if TYPE_CHECKING:
    import torch

GROUP = "fixlip.removals"  # of entry points, for other packages
Side = Literal["image", "text"]
Number = float | int


@dataclass(frozen=True)
class Removal:
    """One way to take players away.

    Attributes:
        name: what users call it.
        side: "image" or "text".
        fill: for a picture, pixels [3, height, width] and the parameter -> the pixels that show where players are
            removed; None where tokens are removed instead.
        rewrite: for a caption, the text tower, ids [B, L], which of them stay [B, L] and the parameter -> ids [B, L];
            None where removed tokens are hidden from attention instead.
        drops_tokens: whether fewer tokens are computed, so that masks of like size belong together.
        parameter: text -> the parameter, a ValueError for one that makes no sense; None where there is none.
    """

    name: str
    side: Side
    fill: "Callable[[torch.Tensor, Number | None], torch.Tensor] | None" = None
    rewrite: "Callable[[Any, torch.Tensor, torch.Tensor, Number | None], torch.Tensor] | None" = None
    drops_tokens: bool = False
    parameter: Callable[[str], Number] | None = None


@dataclass(frozen=True)
class Operator:
    """A removal with its parameter, where it takes one and one was given."""

    kind: Removal
    value: Number | None = None

    def __str__(self) -> str:
        return self.name if self.value is None else f"{self.name}:{self.value:g}"

    @property
    def name(self) -> str:
        """Name of the removal, without the parameter."""
        return self.kind.name


def _mean(pixels: "torch.Tensor", value: Number | None) -> "torch.Tensor":
    import torch

    return torch.zeros_like(pixels)


def _blur(pixels: "torch.Tensor", value: Number | None) -> "torch.Tensor":
    from torchvision.transforms.functional import gaussian_blur

    side = min(pixels.shape[-2:])
    sigma = float(value or side / 16)
    reach = max(1, round(3 * sigma))
    if reach >= side:
        raise OptionError(f"blur:{sigma:g} reaches over the whole input of {side} pixels; at most {(side - 1) // 3}.")
    return gaussian_blur(pixels, [2 * reach + 1] * 2, [sigma] * 2)


def _replace(tower: Any, ids: "torch.Tensor", keep: "torch.Tensor", value: Number | None) -> "torch.Tensor":
    import torch

    token = tower.replacement if value is None else int(value)
    if token >= tower.vocabulary:
        raise OptionError(f"replace:{token}: the model knows the tokens 0 to {tower.vocabulary - 1}.")
    return torch.where(keep, ids, token)


def _delete(tower: Any, ids: "torch.Tensor", keep: "torch.Tensor", value: Number | None) -> "torch.Tensor":
    import torch

    order, kept = kept_first(keep)
    rest = torch.arange(ids.shape[1], device=ids.device) >= kept[:, None]
    return ids.gather(1, order).masked_fill(rest, tower.padding)


def _between(low: float, number: Number) -> Number:
    if not low <= number < 1e9:
        raise ValueError(number)
    return number


MEAN = Removal("mean", "image", fill=_mean)
BLUR = Removal("blur", "image", fill=_blur, parameter=lambda text: _between(1e-9, float(text)))
BUILT_IN = (
    MEAN,
    BLUR,
    Removal("attention", "image"),
    Removal("drop", "image", drops_tokens=True),
    Removal("attention", "text"),
    Removal("replace", "text", rewrite=_replace, parameter=lambda text: _between(0, int(text))),
    Removal("delete", "text", rewrite=_delete),
)


def removals(side: Side) -> dict[str, Removal]:
    """All removals of a side by name, the default first."""
    every = joined(GROUP, {f"{removal.side}-{removal.name}": removal for removal in BUILT_IN})
    return {removal.name: removal for removal in every.values() if removal.side == side}


def parse(text: str, allowed: Mapping[str, Removal], side: Side) -> Operator:
    """Read an operator from ``name`` or ``name:value``.

    Raises:
        OptionError: a name that is not among `allowed`, or a value that the operator does not take.
    """
    name, colon, value = str(text).partition(":")
    if name not in allowed:
        raise OptionError(unknown(f"{side} removal of this model", name, allowed))
    kind = allowed[name]
    if not colon:
        return Operator(kind)
    if kind.parameter is None:
        raise OptionError(f"The {side} removal {name!r} takes no value, got {value!r}.")
    try:
        return Operator(kind, kind.parameter(value))
    except ValueError as error:
        raise OptionError(f"The {side} removal {name!r} takes a positive number, got {value!r}.") from error


def filler(pixels: "torch.Tensor", removal: Operator) -> "torch.Tensor":
    """Make the pixels that show where pixels [3, height, width] are removed.

    Raises:
        InputError, OptionError: as `Removal.fill`; a blur that reaches over the whole input, say.
    """
    assert removal.kind.fill is not None
    return removal.kind.fill(pixels, removal.value)


def removed_pixels(
    pixels: "torch.Tensor", labels: "torch.Tensor", masks: "torch.Tensor", removal: Operator
) -> "torch.Tensor":
    """Pictures [B, 3, height, width] of which only the units in masks [B, units] are left.

    `labels` [height, width] says to which unit a pixel belongs; those with -1 stay.
    """
    import torch
    from torch.nn.functional import pad

    keep = pad(masks, (1, 0), value=True)[:, labels + 1]
    return torch.where(keep[:, None], pixels, filler(pixels, removal))


def kept_first(keep: "torch.Tensor") -> "tuple[torch.Tensor, torch.Tensor]":
    """For a mask [B, L] the order that puts what is kept in front (order kept), and how many are kept in each row."""
    return (~keep).int().argsort(dim=1, stable=True), keep.sum(1)
