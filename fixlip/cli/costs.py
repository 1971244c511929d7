"""Printing of the estimated cost, for `--dry-run`."""

from typing import TYPE_CHECKING, Any

from fixlip.cli.console import Printer, between, styled

if TYPE_CHECKING:
    from fixlip.api.cost import Cost


def print_cost(cost: "Cost", call: dict[str, Any], ranked: int) -> None:
    """Print the players, passes and time of a call of `fixlip.explain`, after `ranked` captions were ranked."""
    console, words = Printer(), " and ".join(map(str, cost.n_text))
    console.print("", styled(f"{call['model'].name}  ·  {call['estimator'].capabilities.name}", "bold"), sep="\n")
    console.print(f"{cost.n_image} image players, {words} text players")
    if ranked:
        console.print(f"ranking {ranked} captions: 1 image + {ranked} text passes, made just now")
    image, text = cost.least_passes
    console.print(f"{between(image, cost.image_passes)} image + {between(text, cost.text_passes)} text passes")
    least, most = duration(cost.least_seconds), duration(cost.seconds)
    console.print(
        f"about {most if most == least else f'{least} to {most}, as accuracy needs'}: "
        f"{1000 * cost.image_pass:.3g} ms per image pass, {1000 * cost.text_pass:.3g} ms per text pass, "
        f"timed on {call['model'].device}"
    )
    if call["estimator"].capabilities.gradients:
        console.print("gradients: partial and backward passes may take between a third and three times as long")


def duration(seconds: float) -> str:
    """Write seconds in units that people use.

    Example:
        >>> duration(0.24), duration(75), duration(9000)
        ('0.2 s', '1 min 15 s', '2 h 30 min')
    """
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
