"""Checks of options that several data sets have."""

from fixlip.arguments import plain_number
from fixlip.errors import OptionError

MOST = 10**12  # of anything
LONGEST = 8192  # pixels of a side


def at_least(minimum: int, **options: int) -> None:
    """Refuse options that are not whole numbers from `minimum` on; a `size` is a side in pixels."""
    for name, value in options.items():
        number = plain_number(value)
        if isinstance(number, bool) or not isinstance(number, int) or number < minimum:
            raise OptionError(f"{name} must be a whole number from {minimum} on, got {value!r}.")
        if value > (most := LONGEST if name == "size" else MOST):
            raise OptionError(f"{name} must be at most {most}, got more.")


def flags(**options: bool) -> None:
    """Refuse options that are neither true nor false."""
    for name, value in options.items():
        if not isinstance(value, bool):
            raise OptionError(f"{name} must be true or false, got {value!r}.")


def texts(**options: str | None) -> None:
    """Refuse options that are neither a text nor left out."""
    for name, value in options.items():
        if value is not None and not isinstance(value, str):
            raise OptionError(f"{name} must be a text, got {value!r}.")


def caption_form(size: int, template: str, separator: str) -> None:
    """Refuse a mosaic that cannot be halved, and captions that names cannot be put into."""
    if size % 2:
        raise OptionError(f"size must be even, got {size}.")
    if not isinstance(template, str) or template.count("{}") != 1:
        raise OptionError(f"template must have {{}} once, in the place of the names; got {template!r}.")
    if not isinstance(separator, str) or not separator:
        raise OptionError(f"separator must be the text between two names, got {separator!r}.")
