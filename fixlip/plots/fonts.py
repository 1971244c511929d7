"""Fonts for captions in any script, and a warning about characters that no font has."""

import re
import unicodedata
import warnings
from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.text import Text

BOX = "□"  # replaces a character that no font has
CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
NEVER = re.compile("^(Last Resort|cm|STIX)|Display|Condensed|Narrow")  # fonts not meant for running text
_named: set[str] = set()  # scripts for which there was a warning


def readable(text: str) -> str:
    """Replace characters that no installed font has by boxes, and warn once for each script.

    Control characters, which an SVG must not contain, become boxes too.
    """
    text = CONTROLS.sub(BOX, text)
    if text.isascii():
        return text
    missing = {c for c in text if not c.isascii() and family_of(c) is None}
    visible = sorted(c for c in missing if not _invisible(c))
    new = {script_of(c): c for c in visible if script_of(c) not in _named}
    _named.update(new)
    if new:
        named = ", ".join(f"{script} (such as U+{ord(c):04X})" for script, c in new.items())
        warnings.warn(
            f"No installed font has {named}; figures show {BOX} instead. Install a font that has it, such as one of "
            "the Noto family.",
            UserWarning,
            stacklevel=2,
        )
    return "".join("" if c in missing and _invisible(c) else BOX if c in missing else c for c in text)


def mend(texts: "Iterable[Text]") -> None:
    """Add the fonts that its characters need to the fonts of each text."""
    for text in texts:
        if not (written := text.get_text()).isascii():
            families = text.get_fontfamily()
            needed = dict.fromkeys(family_of(c) for c in written if not c.isascii())
            text.set_fontfamily([*families, *(f for f in needed if f and f not in families)])


def script_of(character: str) -> str:
    """Return the script of a character, in the words of its Unicode name.

    Example:
        >>> [script_of(c) for c in ("猫", "ね", "ق", "क", "🐕")]
        ['CJK', 'HIRAGANA', 'ARABIC', 'DEVANAGARI', 'emoji and symbols']
    """
    if unicodedata.category(character) == "So":
        return "emoji and symbols"
    return unicodedata.name(character, "private characters").partition(" ")[0]


def family_of(character: str) -> str | None:
    """Return the font family for a character: "" for the default family, None if no font has it."""
    from matplotlib import rcParams

    return _family_of(character, tuple(rcParams["font.family"]))


@cache
def _family_of(character: str, defaults: tuple[str, ...]) -> str | None:
    for family in defaults:
        if _has(family, character):
            return ""
    return next((family for family in _families() if _has(family, character)), None)


@cache
def _families() -> tuple[str, ...]:
    """Return the installed families for running text, sans serif first."""
    from matplotlib.font_manager import fontManager

    upright = [font for font in fontManager.ttflist if font.style == "normal" and not NEVER.search(font.name)]
    names = {font.name for font in upright if font.weight in (400, "normal", "regular")}
    return tuple(sorted(names, key=lambda name: ("Sans" not in name, "Mono" in name, "Serif" in name, len(name), name)))


@cache
def _font(family: str) -> object:
    from matplotlib.font_manager import FontProperties, fontManager, get_font

    try:
        return get_font(fontManager.findfont(FontProperties(family=[family]), fallback_to_default=False))
    except (ValueError, OSError, RuntimeError):  # not installed, or a font of pictures
        return None


def _has(family: str, character: str) -> bool:
    font = _font(family)
    return font is not None and font.get_char_index(ord(character)) != 0  # type: ignore[attr-defined]


def _invisible(character: str) -> bool:
    """Say whether a character is invisible, such as a joiner or a variation selector."""
    return unicodedata.category(character) == "Cf" or "VARIATION SELECTOR" in unicodedata.name(character, "")
