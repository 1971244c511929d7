"""Captions in any script: fonts beside the default one, and one word about what no font has."""

import re
import unicodedata
import warnings
from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.text import Text

BOX = "□"  # stands for a character that no font has
CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
NEVER = re.compile("^(Last Resort|cm|STIX)|Display|Condensed|Narrow")  # no fonts for running text
_named: set[str] = set()  # scripts that a warning has named


def readable(text: str) -> str:
    """Text in which a box stands for each character that no installed font has; warns once for each such script.

    So it does for controls, which an SVG must not hold.
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
    """Give each text, after the fonts that it asks for, those that its characters need."""
    for text in texts:
        if not (written := text.get_text()).isascii():
            own = text.get_fontfamily()
            needed = dict.fromkeys(family_of(c) for c in written if not c.isascii())
            text.set_fontfamily([*own, *(f for f in needed if f and f not in own)])


def script_of(character: str) -> str:
    """The script of a character, in the words of its Unicode name.

    Example:
        >>> [script_of(c) for c in ("猫", "ね", "ق", "क", "🐕")]
        ['CJK', 'HIRAGANA', 'ARABIC', 'DEVANAGARI', 'emoji and symbols']
    """
    if unicodedata.category(character) == "So":
        return "emoji and symbols"
    return unicodedata.name(character, "private characters").partition(" ")[0]


def family_of(character: str) -> str | None:
    """The font family in which a character is drawn: "" for that of the text itself, None where no font has it."""
    from matplotlib import rcParams

    return _family_of(character, tuple(rcParams["font.family"]))


@cache
def _family_of(character: str, own: tuple[str, ...]) -> str | None:
    for family in own:
        if _has(family, character):
            return ""
    return next((family for family in _families() if _has(family, character)), None)


@cache
def _families() -> tuple[str, ...]:
    """The installed ones for running text, sans serif first."""
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
    """Joiners and selectors of variants: nothing is lost without them."""
    return unicodedata.category(character) == "Cf" or "VARIATION SELECTOR" in unicodedata.name(character, "")
