"""What fixlip asks of a dual encoder."""

from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch

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

    Masks are boolean, True = present. Embeddings have unit norm. With everything present they are those of the model's
    own preprocessing and forward pass; `own_image` and `own_text` are there to check it.
    """

    name: str
    logit_scale: float
    logit_bias: float

    @property
    def removal(self) -> str:
        """How players are removed, in words; goes into the provenance."""

    @property
    def weights(self) -> str:
        """A hash of all weights."""

    @property
    def device(self) -> torch.device:
        """Where the model is."""

    @property
    def dtype(self) -> torch.dtype:
        """The type that the model computes in."""

    def image_input(self, image: ImageLike) -> ImageInput:
        """Preprocess a picture."""

    def text_input(self, text: str) -> TextInput:
        """Tokenise a caption."""

    def embed_image(self, x: ImageInput, masks: torch.Tensor) -> torch.Tensor:
        """Masks [B, units] -> unit embeddings [B, D]; the units are the patches, or those of `x.labels`."""

    def embed_text(self, x: TextInput, masks: torch.Tensor) -> torch.Tensor:
        """Masks [B, n_tokens] -> unit embeddings [B, D]."""

    def own_image(self, x: ImageInput) -> torch.Tensor:
        """Unit embedding [D] by the model's own forward pass, nothing removed."""

    def own_text(self, x: TextInput) -> torch.Tensor:
        """Unit embedding [D] by the model's own forward pass, nothing removed."""
