"""Sprites of things, by the names of their kinds.

Source: Noto Color Emoji (SIL Open Font License 1.1).
"""

import json
from functools import cache
from importlib.resources import files
from typing import Literal

from PIL import Image

Vocabulary = Literal["bundled", "new", "mixed"]
CELL = 128  # pixels a side of the square that a sprite was cut from


@cache
def _sheet(name: str) -> tuple[Image.Image, dict]:
    assets = files("fixlip") / "assets"
    layout = json.loads((assets / f"{name}.json").read_text())
    with (assets / f"{name}.png").open("rb") as file:
        return Image.open(file).convert("RGBA"), layout


@cache
def kinds(vocabulary: Vocabulary = "bundled") -> tuple[str, ...]:
    """The names of object kinds, in the order of the sprite sheets.

    Args:
        vocabulary: "bundled" kinds are those that the bundled models were trained on; "new" ones they have never seen,
            for fine-tuning; "mixed" are both.
    """
    sheets = {"bundled": ["sprites"], "new": ["sprites-new"], "mixed": ["sprites", "sprites-new"]}[vocabulary]
    return tuple(name for sheet in sheets for name in _sheet(sheet)[1]["names"])


@cache
def sprite(name: str) -> Image.Image:
    """The sprite of one kind, RGBA, cropped to its visible part."""
    sheet, layout = _sheet("sprites" if name in kinds() else "sprites-new")
    i, cell, columns = layout["names"].index(name), layout["cell"], layout["columns"]
    left, top = i % columns * cell, i // columns * cell
    glyph = sheet.crop((left, top, left + cell, top + cell))
    return glyph.crop(glyph.getchannel("A").getbbox())
