"""Explanations measured on data sets: a plan, rows on disk, engines, a report.

>>> from fixlip.evaluation import MEASURES
>>> MEASURES["faithfulness"].options
['p', 'masks', 'seed']
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fixlip.evaluation.again import explain_item
    from fixlip.evaluation.cluster import Ray
    from fixlip.evaluation.engines import Local, engine
    from fixlip.evaluation.measures import MEASURES
    from fixlip.evaluation.plan import Plan
    from fixlip.evaluation.rows import read
    from fixlip.evaluation.run import Outcome, evaluate

_MODULE_OF = {
    "MEASURES": "measures",
    "Local": "engines",
    "Outcome": "run",
    "Plan": "plan",
    "Ray": "cluster",
    "engine": "engines",
    "evaluate": "run",
    "explain_item": "again",
    "read": "rows",
}
__all__ = ["MEASURES", "Local", "Outcome", "Plan", "Ray", "engine", "evaluate", "explain_item", "read"]


def __getattr__(name: str) -> Any:
    if name in _MODULE_OF:
        return getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
