"""The players of a game: patches of a picture and words of a caption, with where they are."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from operator import index
from typing import Any, Literal

import numpy as np

from fixlip.arguments import in_order, plain_number
from fixlip.errors import InputError, unknown

MAX_CAPTION = 5000  # characters; the towers read some hundreds
Modality = Literal["image", "text"]
Box = tuple[float, float, float, float]  # left, top, right, bottom


@dataclass(frozen=True)
class Player:
    """One player.

    Attributes:
        modality: "image" or "text".
        label: what to print: ``row 2, column 5``, or the word.
        box: image players: left, top, right, bottom as fractions (0..1) of the picture that the model sees.
        span: text players: start and end character in the caption as typed.
    """

    modality: Modality
    label: str
    box: Box | None = None
    span: tuple[int, int] | None = None


@dataclass(frozen=True, eq=False)
class Players:
    """All players of a game in order: image players (row-major for patches), then text players (reading order).

    Attributes:
        image, text: the players of each modality.
        grid: rows and columns, where the image players are the patches of a grid.
        caption: the caption as typed.
        picture: what the model sees of the picture, uint8 [height, width, 3], for display only.
        regions: where the image players are regions of any shape: a label map over the picture, int16 [h, w] (of any
            size, stretched over the picture), whose values are indices of image players, -1 where there is none.
        visible: the part of the picture as given that the model sees, in its pixels; None where that is not known.
    """

    image: tuple[Player, ...]
    text: tuple[Player, ...]
    grid: tuple[int, int] | None = None
    caption: str = ""
    picture: np.ndarray | None = field(default=None, repr=False)
    regions: np.ndarray | None = field(default=None, repr=False)
    visible: Box | None = None

    def __post_init__(self) -> None:
        if self.grid is not None and self.grid[0] * self.grid[1] != len(self.image):
            raise InputError(f"A grid of {self.grid} does not hold {len(self.image)} image players.")
        if self.regions is not None:
            object.__setattr__(self, "regions", self._checked(np.asarray(self.regions)))

    def _checked(self, regions: np.ndarray) -> np.ndarray:
        if self.grid is not None:
            raise InputError("Image players are the patches of a grid or the regions of a label map, not both.")
        if regions.ndim != 2 or regions.size == 0 or regions.dtype.kind not in "iu":
            raise InputError(f"A label map is integers [h, w], got {regions.dtype} of shape {regions.shape}.")
        low, high = int(regions.min()), int(regions.max())
        if low < -1 or high >= len(self.image):
            raise InputError(
                f"A label map for {len(self.image)} image players holds -1 to {len(self.image) - 1}, "
                f"got {low} to {high}."
            )
        return regions.astype(np.int16)

    def __repr__(self) -> str:
        places = f"{self.grid[0]} x {self.grid[1]} patches" if self.grid else f"{self.n_image} image players"
        return f"Players({places}; {', '.join(player.label for player in self.text)})"

    def __len__(self) -> int:
        return len(self.image) + len(self.text)

    def __getitem__(self, index: int) -> Player:
        return (self.image + self.text)[index]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Players):
            return NotImplemented
        names = ("image", "text", "grid", "caption", "visible")
        same = all(getattr(self, name) == getattr(other, name) for name in names)
        return same and _same_array(self.picture, other.picture) and _same_array(self.regions, other.regions)

    @property
    def n_image(self) -> int:
        """Number of image players."""
        return len(self.image)

    @property
    def n_text(self) -> int:
        """Number of text players."""
        return len(self.text)

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels of all players in order."""
        return tuple(p.label for p in self.image + self.text)

    def on_picture(self, values: np.ndarray) -> np.ndarray:
        """Put values of the image players, [n_image], in their places.

        Returns:
            [rows, columns] for the patches of a grid; for the regions of a label map [h, w], each painted with its
            value, NaN where there is no region.

        Raises:
            InputError: the image players have neither a grid nor a label map.
        """
        if self.grid is not None:
            return values.reshape(self.grid)
        if self.regions is None:
            raise InputError(
                "A heatmap needs image players on a grid or on a label map; these have neither: use patch_values."
            )
        painted: np.ndarray = np.append(values, np.nan)[self.regions]
        return painted

    def find_text(self, words: Any) -> list[int]:
        """Indices (among the text players) of words, character spans, or positions.

        Args:
            words: a label (every occurrence, case ignored), or where no player has it a word or phrase of the caption,
                which stands for all players on its characters; a span (start, end) of characters, a tuple; an index; or
                several of these: a list, an array, any iterable.

        Raises:
            InputError: a word, span or index that no text player matches.

        Example:
            >>> Players.of(n_image=1, words=["a", "dog"]).find_text("Dog")
            [1]
        """
        words = plain_number(words)
        span = isinstance(words, tuple) and len(words) == 2 and all(hasattr(k, "__index__") for k in words)
        if isinstance(words, Iterable) and not isinstance(words, str) and not span:
            return sorted({i for item in words for i in self.find_text(item)})
        if isinstance(words, str):
            found = [i for i, p in enumerate(self.text) if p.label.casefold() == words.casefold()]
            whole = re.compile(rf"(?<!\w){re.escape(words)}(?!\w)", re.IGNORECASE) if words and not found else None
            spans = [match.span() for match in whole.finditer(self.caption)] if whole else []
            found += [i for i, p in enumerate(self.text) if any(_overlap(p.span, span) for span in spans)]
        elif span:
            found = [i for i, p in enumerate(self.text) if _overlap(p.span, words)]
        else:
            found = [index(words)] if hasattr(words, "__index__") and 0 <= words < self.n_text else []
        if not found:
            raise InputError(unknown("word", str(words), {p.label for p in self.text}))
        return found

    @classmethod
    def of(
        cls,
        *,
        n_image: int | None = None,
        grid: tuple[int, int] | None = None,
        words: Iterable[str] | None = None,
        n_text: int | None = None,
    ) -> "Players":
        """Players without a picture, for games made of functions.

        Args:
            n_image, grid: number of image players, or rows and columns of a grid of them.
            words, n_text: the words, or just their number.
        """
        image = grid_players(*grid) if grid else tuple(Player("image", f"image {i}") for i in range(n_image or 0))
        words = [f"text{i}" for i in range(n_text or 0)] if words is None else in_order("words", words)
        caption, text = "", []
        for word in words:
            start = len(caption) + bool(caption)
            caption = f"{caption} {word}".strip()
            text.append(Player("text", word, span=(start, start + len(word))))
        return cls(image, tuple(text), grid, caption)


def _overlap(one: tuple[int, int] | None, other: tuple[int, int]) -> bool:
    return one is not None and one[0] < other[1] and other[0] < one[1]


def _same_array(a: np.ndarray | None, b: np.ndarray | None) -> bool:
    return a is b if a is None or b is None else np.array_equal(a, b)


def grid_players(rows: int, columns: int) -> tuple[Player, ...]:
    """The patches of a grid, row by row."""
    return tuple(
        Player("image", f"row {r + 1}, column {c + 1}", (c / columns, r / rows, (c + 1) / columns, (r + 1) / rows))
        for r in range(rows)
        for c in range(columns)
    )
