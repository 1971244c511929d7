"""Render the sprite sheets of `fixlip.datasets.scenes` from Noto Color Emoji (OFL).

    apt-get install fonts-noto-color-emoji
    python scripts/make_sprites.py

Writes `fixlip/assets/sprites.png` (cells of 128 px, row by row) and `sprites.json` (the names in the same order), and
the same for the kinds that the bundled models have never seen, `sprites-new`.
"""

import json
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

FONT = "/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf"
STRIKE = 109  # the only bitmap size in the font
CELL, COLUMNS = 128, 10
ASSETS = Path(__file__).parents[1] / "fixlip" / "assets"

KINDS = {
    "dog": "🐕", "cat": "🐈", "horse": "🐎", "cow": "🐄", "pig": "🐖", "sheep": "🐑", "elephant": "🐘", "penguin": "🐧",
    "owl": "🦉", "butterfly": "🦋", "bee": "🐝", "fish": "🐟", "crab": "🦀", "octopus": "🐙", "turtle": "🐢",
    "snake": "🐍", "frog": "🐸", "hedgehog": "🦔", "apple": "🍎", "banana": "🍌", "strawberry": "🍓", "carrot": "🥕",
    "pizza": "🍕", "cake": "🎂", "donut": "🍩", "cheese": "🧀", "lemon": "🍋", "pineapple": "🍍", "mushroom": "🍄",
    "car": "🚗", "bus": "🚌", "bicycle": "🚲", "train": "🚆", "rocket": "🚀", "sailboat": "⛵", "tractor": "🚜",
    "helicopter": "🚁", "ball": "⚽", "guitar": "🎸", "drum": "🥁", "umbrella": "🌂", "hat": "🎩", "shoe": "👟",
    "backpack": "🎒", "clock": "⏰", "key": "🔑", "book": "📕", "balloon": "🎈", "camera": "📷", "chair": "🪑",
    "bell": "🔔", "anchor": "⚓", "hammer": "🔨", "tree": "🌳", "cactus": "🌵", "sunflower": "🌻", "house": "🏠",
    "castle": "🏰", "tent": "⛺", "star": "⭐",
}  # fmt: skip
NEW_KINDS = {
    "rabbit": "🐇", "giraffe": "🦒", "whale": "🐳", "snail": "🐌", "parrot": "🦜", "pear": "🍐", "burger": "🍔",
    "truck": "🚚", "trumpet": "🎺", "crown": "👑", "robot": "🤖", "gift": "🎁",
}  # fmt: skip


def sprite(character: str, font: ImageFont.FreeTypeFont) -> Image.Image:
    """The glyph, cropped to its visible part and fitted into one cell."""
    glyph = Image.new("RGBA", (160, 160))
    ImageDraw.Draw(glyph).text((10, 10), character, font=font, embedded_color=True)
    glyph = glyph.crop(glyph.getchannel("A").point(lambda a: 255 * (a > 24)).getbbox())
    glyph.thumbnail((CELL, CELL), Image.Resampling.LANCZOS)
    return glyph


def write_sheet(kinds: dict[str, str], name: str) -> None:
    font = ImageFont.truetype(FONT, STRIKE)
    rows = -(-len(kinds) // COLUMNS)
    sheet = Image.new("RGBA", (COLUMNS * CELL, rows * CELL))
    for i, character in enumerate(kinds.values()):
        sheet.paste(sprite(character, font), (i % COLUMNS * CELL, i // COLUMNS * CELL))
    sheet.quantize(256, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(
        ASSETS / f"{name}.png", optimize=True
    )
    (ASSETS / f"{name}.json").write_text(json.dumps({"cell": CELL, "columns": COLUMNS, "names": list(kinds)}) + "\n")


if __name__ == "__main__":
    write_sheet(KINDS, "sprites")
    write_sheet(NEW_KINDS, "sprites-new")
