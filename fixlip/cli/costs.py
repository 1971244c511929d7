"""What `--dry-run` prints."""

from typing import TYPE_CHECKING, Any

from fixlip.cli.console import Printer, said

if TYPE_CHECKING:
    from fixlip.api.cost import Cost


def print_cost(cost: "Cost", call: dict[str, Any], ranked: int) -> None:
    """Players, passes and time of a call of `fixlip.explain`, after so many captions were ranked."""
    console, words = Printer(), " and ".join(map(str, cost.n_text))
    console.print("", said(f"{call['model'].name}  ·  {call['estimator'].capabilities.name}", "bold"), sep="\n")
    console.print(f"{cost.n_image} image players, {words} text players")
    if ranked:
        console.print(f"ranking {ranked} captions: 1 image + {ranked} text passes, made just now")
    console.print(f"{cost.image_passes:,} image + {cost.text_passes:,} text passes")
    console.print(
        f"about {duration(cost.seconds)}: {1000 * cost.image_pass:.3g} ms an image pass, "
        f"{1000 * cost.text_pass:.3g} ms a text pass, timed just now on {call['model'].device}"
    )
    if call["estimator"].capabilities.gradients:
        console.print("gradients: passes through a part of the blocks, and backward ones, may take a third or thrice")


def duration(seconds: float) -> str:
    """In words.

    Example:
        >>> duration(0.24), duration(75), duration(9000)
        ('0.2 s', '1 min 15 s', '2 h 30 min')
    """
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
