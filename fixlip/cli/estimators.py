"""`fixlip estimators`."""

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from fixlip.registry import estimator_class, list_estimators


def estimators() -> None:
    """List the estimators that can be named."""
    console = Console(highlight=False)
    for name in list_estimators():
        c = estimator_class(name).capabilities
        pairs = [word for word, has in (("cross", c.cross), ("within", c.within)) if has]
        facts = {
            "index": ", ".join(c.index),
            "orders": ", ".join(map(str, c.orders)),
            "pairs": ", ".join(pairs) or "none",
            "gradients": "needed" if c.gradients else "not needed",
            "exact": "at full budget" if c.exact else "no",
            "cost": c.cost,
            "axioms": ", ".join(c.axioms),
            "source": c.source,
        }
        console.print(Text.assemble((name, "bold"), "  ", c.summary))
        for fact, value in facts.items():
            console.print(Padding(Text.assemble((f"{fact:<11}", "dim"), value), (0, 0, 0, 2)))
        console.print()
