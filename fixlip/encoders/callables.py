"""Any two towers as a dual encoder: pictures with captions, pictures with pictures, captions with captions."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch

from fixlip.encoders.base import TextInput
from fixlip.encoders.encoder import TowerEncoder
from fixlip.encoders.preprocessing import Preprocessor
from fixlip.encoders.removal import Operator, Removal, removals
from fixlip.encoders.towers import ImageOrTextTower, PixelTower
from fixlip.errors import InputError
from fixlip.players.words import check_caption, words_of

Encode = Callable[[Any], Any]


@dataclass(frozen=True)
class Pixels:
    """An image tower that is a function of pixels.

    Attributes:
        encode: normalised pixels, torch [B, 3, size, size] -> embeddings [B, D], torch or numpy.
        size: side of the input in pixels.
        grid: rows and columns of the patches that are players.
        mean, std: of the normalisation, for each channel.
        resize: "squash" the picture, "shortest" (keep the centre) or "longest" (pad).
    """

    encode: Encode
    size: int = 224
    grid: tuple[int, int] = (7, 7)
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    std: tuple[float, float, float] = (0.5, 0.5, 0.5)
    resize: str = "squash"

    def tower(self) -> ImageOrTextTower:
        """The tower of an encoder."""
        config = {"size": (self.size, self.size), "mean": self.mean, "std": self.std, "resize_mode": self.resize}
        module = self.encode if isinstance(self.encode, torch.nn.Module) else None
        return PixelTower(Preprocessor(config, self.grid), lambda pixels: as_tensor(self.encode(pixels)), module)


@dataclass(frozen=True)
class Strings:
    """A text tower that is a function of strings; words are removed by leaving them out.

    Attributes:
        encode: list of B strings (an empty one when every word is removed) -> embeddings [B, D], torch or numpy.
    """

    encode: Encode

    @property
    def removals(self) -> dict[str, Removal]:
        """The one removal: words are left out."""
        return {"delete": removals("text")["delete"]}

    def tower(self) -> ImageOrTextTower:
        """The tower of an encoder."""
        return self

    def prepare(self, text: str) -> TextInput:
        """The words of a caption.

        Raises:
            InputError: as `words.check_caption`.
        """
        check_caption(text)
        spans = tuple(words_of(text))
        return TextInput(text, torch.zeros(0, dtype=torch.long), tuple(range(len(spans))), spans)

    def embed(self, x: TextInput, masks: torch.Tensor, removal: Operator) -> torch.Tensor:
        """Masks [B, words] of the words of `x` that stay, -> features [B, D]; `removal` can only delete here."""
        return as_tensor(self.encode([_left(x, mask) for mask in masks.tolist()]))


def from_callables(
    image: Pixels | Strings | Encode,
    text: Pixels | Strings | Encode,
    *,
    logit_scale: float = 1.0,
    logit_bias: float = 0.0,
    name: str = "callables",
    model: torch.nn.Module | None = None,
) -> TowerEncoder:
    """A dual encoder from any two functions.

    Args:
        image: `Pixels`, or a function of pixels [B, 3, 224, 224] as there; `Strings` to compare two captions.
        text: `Strings`, or a function of a list of strings; `Pixels` to compare two pictures, which are then given to
            `fixlip.explain` as image and as text.
        logit_scale, logit_bias: similarity = logit_scale * cosine + logit_bias.
        name: for provenance.
        model: the module behind the functions, where there is one: its device, its type and a hash of its weights.

    Example:
        >>> import fixlip, numpy as np
        >>> colour = Pixels(lambda x: x.mean((2, 3)) + 1, size=32, grid=(2, 2))
        >>> pair = from_callables(colour, colour)
        >>> red, half = np.zeros((2, 32, 32, 3), dtype=np.uint8)
        >>> red[..., 0], half[:16, :, 0] = 255, 255
        >>> fixlip.explain(red, half, model=pair, progress=False).cross.shape
        (4, 4)
    """
    first = image if isinstance(image, (Pixels, Strings)) else Pixels(image)
    second = text if isinstance(text, (Pixels, Strings)) else Strings(text)

    return TowerEncoder(
        model,
        first.tower(),
        second.tower(),
        (partial(_whole, first), partial(_whole, second)),
        name=name,
        family="callables",
        logit_scale=logit_scale,
        logit_bias=logit_bias,
    )


def as_tensor(values: torch.Tensor | np.ndarray | Sequence[Any]) -> torch.Tensor:
    """Embeddings [B, D] as a torch tensor.

    Raises:
        InputError: they are no array of numbers.
    """
    if isinstance(values, torch.Tensor):
        return values.detach()
    try:
        return torch.as_tensor(np.array(values))  # copied: torch does not take arrays that are read-only
    except (TypeError, ValueError) as error:
        raise InputError(f"A tower returned no array of numbers: {error}.") from error


def _left(x: TextInput, mask: list[bool]) -> str:
    """The caption without the removed words."""
    if all(mask):
        return x.text
    return " ".join(x.text[start:end] for (start, end), keep in zip(x.spans, mask, strict=True) if keep)


def _whole(side: Pixels | Strings, x: Any) -> torch.Tensor:
    return as_tensor(side.encode([x.text] if isinstance(x, TextInput) else x.pixels[None]))
