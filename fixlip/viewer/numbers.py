"""Numbers as the page has them: packed, and with a typographic minus."""

import base64
import re

import numpy as np

MINUS = re.compile(r"(?<=[ (])-(?=\d)")


def with_minus(text: str) -> str:
    """Write the numbers of a sentence as the other numbers of the page."""
    return MINUS.sub("\N{MINUS SIGN}", text)


def packed(values: np.ndarray) -> str:
    """Pack numbers in Base64: the upper three bytes of each 32-bit float, big-endian, which are four characters.

    Numbers keep a relative precision of 2^-16; infinite numbers become NaN.
    """
    with np.errstate(over="ignore"):
        single = np.asarray(values, dtype=np.float32).ravel()
        bits = np.where(np.isfinite(single), single, np.float32("nan")).view(np.uint32).astype(np.uint64)
    upper = ((bits + 0x80) >> 8).astype(">u4")
    return base64.b64encode(upper.view(np.uint8).reshape(-1, 4)[:, 1:].tobytes()).decode()
