"""The protocol of a dual encoder: all that fixlip asks of one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from inspect import getattr_static
from typing import Any, Protocol, TypeGuard, runtime_checkable

import numpy as np
import torch

from fixlip.encoders.removal import Operator, Side
from fixlip.io.images import ImageLike


@dataclass(frozen=True, eq=False)
class ImageInput:
    """A picture, ready for its tower.

    Attributes:
        pixels: [3, height, width], normalised, without padding.
        grid: rows and columns of patches.
        picture: what the model sees, uint8 [height, width, 3], for display.
        size: height and width of the upright picture as given.
        visible: the part of it that the model sees: left, top, right, bottom in its pixels; outside of it is padding.
        labels: integers [height, width] over `pixels`: the unit that comes and goes with each pixel, -1 for pixels that
            always stay; None where the units are the patches.
        model_inputs: what the model's own forward pass takes, where that is not just the pixels.
        notes: what the user should know (a part cut off, say).
    """

    pixels: torch.Tensor
    grid: tuple[int, int]
    picture: np.ndarray
    size: tuple[int, int]
    visible: tuple[float, float, float, float]
    labels: np.ndarray | None = None
    model_inputs: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def n_patches(self) -> int:
        """Number of patches."""
        return self.grid[0] * self.grid[1]


@dataclass(frozen=True, eq=False)
class TextInput:
    """A caption, ready for its tower.

    Attributes:
        text: the caption as typed.
        ids: [L] token ids as the model gets them, with begin, end and padding.
        positions: which of these are tokens of the caption.
        spans: characters of the caption that each such token stands for.
        notes: what the user should know (words that the model never learned, say).
    """

    text: str
    ids: torch.Tensor
    positions: tuple[int, ...]
    spans: tuple[tuple[int, int], ...]
    notes: tuple[str, ...] = ()

    @property
    def n_tokens(self) -> int:
        """Number of tokens that can be removed."""
        return len(self.spans)


@runtime_checkable
class DualEncoder(Protocol):
    """Two towers joined by a cosine: similarity = logit_scale * <image, text> + logit_bias.

    These members are all that fixlip asks of an encoder. Masks are boolean, True = present. Embeddings have unit norm.
    With everything present they are those of the model's own preprocessing and forward pass; `own_image` and `own_text`
    are there to check it. Scale, bias and hash are those of the model as it is at that moment.
    """

    @property
    def name(self) -> str:
        """Name of the model, for provenance."""

    @property
    def family(self) -> str:
        """Kind of model, in words."""

    @property
    def embed_dim(self) -> int:
        """Dimension of the embeddings."""

    @property
    def logit_scale(self) -> float:
        """Scale of the cosine."""

    @property
    def logit_bias(self) -> float:
        """Bias that is added to the scaled cosine."""

    @property
    def weights(self) -> str:
        """A hash of all weights; empty where they are not known."""

    @property
    def device(self) -> torch.device:
        """Device that the model is on."""

    @property
    def dtype(self) -> torch.dtype:
        """Type that the model computes in."""

    @property
    def removals(self) -> Mapping[Side, tuple[str, ...]]:
        """Names of the removal operators of each side, "image" and "text", the default first."""

    @property
    def image_removal(self) -> Operator:
        """Operator that takes image players away."""

    @property
    def text_removal(self) -> Operator:
        """Operator that takes text players away."""

    def with_removal(self, *, image: str | None = None, text: str | None = None) -> "DualEncoder":
        """Return the same model with other removal operators, by name.

        Raises:
            OptionError: an operator that the tower does not know.
        """

    def image_input(self, image: ImageLike) -> ImageInput:
        """Preprocess a picture (a caption is read, where the encoder compares two of them)."""

    def text_input(self, text: str) -> TextInput:
        """Tokenise a caption (a picture is preprocessed, where the encoder compares two of them)."""

    def embed_image(self, x: Any, masks: torch.Tensor) -> torch.Tensor:
        """Masks [B, units] -> unit embeddings [B, D]; the units are the patches, or those of `x.labels`."""

    def embed_text(self, x: Any, masks: torch.Tensor) -> torch.Tensor:
        """Masks [B, n_tokens] -> unit embeddings [B, D]."""

    def own_image(self, x: Any) -> torch.Tensor:
        """Unit embedding [D] by the model's own forward pass, nothing removed."""

    def own_text(self, x: Any) -> torch.Tensor:
        """Unit embedding [D] by the model's own forward pass, nothing removed."""


class DifferentiableEncoder(DualEncoder, Protocol):
    """A dual encoder whose towers can be opened at their blocks."""

    def layers(self, side: Side, x: Any, owner: np.ndarray) -> Any:
        """Open one tower on an input.

        Args:
            side: "image" or "text".
            x: prepared for it.
            owner: the player of each unit (patch, region or token) of `x`, -1 for units that are always there.

        Raises:
            UnsupportedModelError: a tower whose blocks are not known.
        """


MEMBERS = tuple(name for name in vars(DualEncoder) if not name.startswith("_"))


def missing_members(model: Any) -> list[str]:
    """Members of `DualEncoder` that an object lacks; properties are not read, so that no hash is computed."""
    absent = object()
    return [name for name in MEMBERS if getattr_static(model, name, absent) is absent and not hasattr(model, name)]


def gives_gradients(encoder: DualEncoder) -> TypeGuard[DifferentiableEncoder]:
    """Return whether the towers of an encoder can be opened."""
    return hasattr(encoder, "layers")
