"""The kinds of towers, and how each takes players away. A family of models is a few functions put into these.

Where `encode` is made of `fixlip.encoders.layers.Blocks`, the tower can be opened for gradients.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import nn

from fixlip.encoders.base import ImageInput, TextInput
from fixlip.encoders.removal import Operator, Removal, filler, kept_first, removals, removed_pixels
from fixlip.errors import InputError


class ImageOrTextTower(Protocol):
    """A tower of an encoder: a raw input in, an input ready for masks out; masks in, features out."""

    @property
    def removals(self) -> dict[str, Removal]:
        """Removals that the tower knows, by name, the default first."""

    def prepare(self, raw: Any) -> Any:
        """Prepare a picture or a caption for `embed`."""

    def embed(self, x: Any, masks: torch.Tensor, removal: Operator) -> torch.Tensor:
        """Masks [B, units] -> features [B, D], not normalised."""


@dataclass(frozen=True)
class PixelTower:
    """An image tower of any kind, of which nothing but its pixels is known.

    Attributes:
        prepare: picture -> ImageInput.
        encode: pixels [B, 3, height, width] -> features [B, D].
        module: what pixels go into, where it is known.
    """

    prepare: Callable[[Any], ImageInput]
    encode: Callable[[torch.Tensor], torch.Tensor]
    module: nn.Module | None = None

    @property
    def removals(self) -> dict[str, Removal]:
        """Removals of pixels."""
        return {name: removal for name, removal in removals("image").items() if removal.fill}

    def embed(self, x: ImageInput, masks: torch.Tensor, removal: Operator) -> torch.Tensor:
        """Masks [B, units] -> features [B, D]."""
        return self.encode(removed_pixels(x.pixels, labels_of(x).to(x.pixels.device), masks, removal))


@dataclass(frozen=True)
class TokenTower:
    """An image tower that turns each patch into a token.

    A token depends on the pixels of its own patch alone, so the tokens of the whole and of the empty picture are
    computed once and each mask only chooses between them.

    Attributes:
        prepare: picture -> ImageInput.
        tokens: the input and pixels [B, 3, height, width] -> tokens [B, prefix + patches, width], as the first block
            gets them.
        encode: tokens [B, L, width], and which of them may be attended to [B, L] (None for all) -> features [B, D].
        prefix: tokens before those of the patches (a class token).
        module: what pixels go into.
    """

    prepare: Callable[[Any], ImageInput]
    tokens: Callable[[ImageInput, torch.Tensor], torch.Tensor]
    encode: Callable[[torch.Tensor, torch.Tensor | None], torch.Tensor]
    prefix: int
    module: nn.Module | None = None

    @property
    def removals(self) -> dict[str, Removal]:
        """All removals of a picture."""
        return removals("image")

    def embed(self, x: ImageInput, masks: torch.Tensor, removal: Operator) -> torch.Tensor:
        """Masks [B, units] -> features [B, D]."""
        if x.labels is not None:
            if not removal.kind.fill:
                raise InputError(f"Pixels are removed by mean or blur; {removal.name!r} removes whole patches.")
            pixels = removed_pixels(x.pixels, torch.from_numpy(x.labels).to(x.pixels.device).long(), masks, removal)
            return self.encode(self.tokens(x, pixels), None)
        present = self.tokens(x, x.pixels[None])
        keys = torch.cat([masks.new_ones(len(masks), self.prefix), masks], dim=1)
        if removal.kind.fill:
            absent = self.tokens(x, filler(x.pixels, removal)[None])
            return self.encode(torch.where(keys[..., None], present, absent), None)
        hide = self._dropped if removal.kind.drops_tokens else self._hidden
        empty = ~keys.any(1)
        if not empty.any():
            return hide(present, keys)
        grey = self.encode(self.tokens(x, torch.zeros_like(x.pixels[None])), None)
        features = grey.expand(len(keys), -1).clone()
        if not empty.all():
            features[~empty] = hide(present, keys[~empty])
        return features

    def _hidden(self, present: torch.Tensor, keys: torch.Tensor) -> torch.Tensor:
        return self.encode(present.expand(len(keys), -1, -1), keys)

    def _dropped(self, present: torch.Tensor, keys: torch.Tensor) -> torch.Tensor:
        """Masks that keep as many tokens go together, so that nothing is left to be hidden."""
        order, kept = kept_first(keys)
        sizes = kept.unique().tolist()
        features = torch.cat([self.encode(present[0][order[kept == n, :n]], None) for n in sizes])
        return features[kept.argsort(stable=True).argsort()]


@dataclass(frozen=True)
class TextTower:
    """A text tower that turns each token id into a token.

    Attributes:
        prepare: caption -> TextInput.
        encode: ids [B, L], and which of them may be attended to [B, L] -> features [B, D].
        attended: ids [B, L] -> [B, L]: what the model attends to when nothing is removed (padding, in many models).
        padding: id that fills up after `delete`.
        replacement: id that `replace` puts in, unless told otherwise.
        causal: what follows the end of the text has no influence, so that it can be cut: the same features, sooner.
    """

    prepare: Callable[[Any], TextInput]
    encode: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
    attended: Callable[[torch.Tensor], torch.Tensor]
    padding: int
    replacement: int
    vocabulary: int
    causal: bool

    @property
    def removals(self) -> dict[str, Removal]:
        """All removals of a caption."""
        return removals("text")

    def ids(self, x: TextInput) -> torch.Tensor:
        """[L]: the ids that have an influence."""
        return x.ids[: x.positions[-1] + 2] if self.causal else x.ids

    def embed(self, x: TextInput, masks: torch.Tensor, removal: Operator) -> torch.Tensor:
        """Masks [B, tokens] -> features [B, D]."""
        ids = self.ids(x).expand(len(masks), -1)
        keep = torch.ones_like(ids, dtype=torch.bool)
        keep[:, list(x.positions)] = masks
        if removal.kind.rewrite is None:
            return self.encode(ids, self.attended(ids) & keep)
        ids = removal.kind.rewrite(self, ids, keep, removal.value)
        return self.encode(ids, self.attended(ids))


def additive(keys: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """Attention bias [B, 1, L] that hides the keys [B, L] which are False."""
    return torch.zeros(keys.shape, dtype=dtype, device=keys.device).masked_fill(~keys, float("-inf"))[:, None]


def everything(ids: torch.Tensor) -> torch.Tensor:
    """All tokens, padding too: what most models attend to."""
    return torch.ones_like(ids, dtype=torch.bool)


def labels_of(x: ImageInput) -> torch.Tensor:
    """[height, width]: the unit (patch or region) of each pixel."""
    if x.labels is not None:
        return torch.from_numpy(x.labels).long()
    rows, columns = (
        (torch.arange(side) * n).div(side, rounding_mode="floor")
        for side, n in zip(x.pixels.shape[-2:], x.grid, strict=True)
    )
    return rows[:, None] * x.grid[1] + columns
