"""What fixlip asks of a dual encoder."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import torch

from fixlip.images import ImageLike


@dataclass(frozen=True, eq=False)
class ImageInput:
    """A picture, ready for the image tower.

    Attributes:
        pixels: [3, height, width], normalised.
        grid: rows and columns of patches; their product is the number of patches.
        picture: what the model sees, uint8 [height, width, 3], for display.
        notes: what the user should know (a part cut off, say).
    """

    pixels: torch.Tensor
    grid: tuple[int, int]
    picture: np.ndarray
    notes: tuple[str, ...] = ()

    @property
    def n_patches(self) -> int:
        """Number of patches."""
        return self.grid[0] * self.grid[1]


@dataclass(frozen=True, eq=False)
class TextInput:
    """A caption, ready for the text tower.

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
        return len(self.positions)


@runtime_checkable
class DualEncoder(Protocol):
    """Two towers joined by a cosine: similarity = logit_scale * <image, text> + logit_bias.

    Masks are boolean, True = present. Embeddings have unit norm. With every patch and every token present the
    embeddings are those of the model's own preprocessing and forward pass; `own_score` is there to check it.
    """

    name: str
    removal: str
    logit_scale: float
    logit_bias: float

    @property
    def weights(self) -> str:
        """A hash of all weights."""

    @property
    def embed_dim(self) -> int:
        """Dimension of the shared space."""

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
        """Masks [B, n_patches] -> unit embeddings [B, embed_dim]."""

    def embed_text(self, x: TextInput, masks: torch.Tensor) -> torch.Tensor:
        """Masks [B, n_tokens] -> unit embeddings [B, embed_dim]."""

    def own_score(self, image: ImageInput, text: TextInput) -> float:
        """The similarity (logit) by the model's own forward pass, nothing removed."""
