"""Where the time of a call goes: seconds by the function of fixlip that is at work."""

import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from types import FrameType
from typing import Any

import fixlip

ROOTS = (str(Path(fixlip.__file__).parent), str(Path(fixlip.__file__).parents[1] / "estimators"))
PASSES = ("embed_image", "embed_text")
ENCODERS, OTHERS = "encoders", "others"


def breakdown(call: Callable[[], Any]) -> dict[str, float]:
    """Seconds of a call by part, the largest first.

    A part is a function of fixlip, with what it calls outside of fixlip; all that happens inside of `embed_image` and
    `embed_text` of an encoder is "encoders". Watching costs a little time itself, mostly in calls of Python functions.

    Args:
        call: what to watch.
    """
    spent: Counter[str] = Counter()
    stack, last = [OTHERS], perf_counter()

    def watch(frame: FrameType, event: str, _: Any) -> None:
        nonlocal last
        if event not in ("call", "return"):
            return
        now = perf_counter()
        spent[stack[-1]] += now - last
        if event == "call":
            stack.append(part(frame, stack[-1]))
        elif len(stack) > 1:
            stack.pop()
        last = perf_counter()

    sys.setprofile(watch)
    try:
        call()
    finally:
        sys.setprofile(None)
    spent[stack[0]] += perf_counter() - last
    return dict(spent.most_common())


def part(frame: FrameType, above: str) -> str:
    """The part that a function belongs to: its own, or that of the function which called it."""
    code = frame.f_code
    if above == ENCODERS or code.co_name in PASSES:
        return ENCODERS
    if not code.co_filename.startswith(ROOTS):
        return above
    return f"{Path(code.co_filename).stem}.{code.co_qualname.replace('.<locals>', '')}"
