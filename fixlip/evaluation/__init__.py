"""Explanations measured on data sets: a plan, rows on disk, a report.

>>> from fixlip.evaluation import get_metric
>>> get_metric("faithfulness").options
['p', 'masks', 'seed']
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fixlip.evaluation.again import explain_item
    from fixlip.evaluation.metric import Figure, Metric
    from fixlip.evaluation.metrics import get_metric, list_metrics, register_metric, unregister_metric
    from fixlip.evaluation.plan import Plan
    from fixlip.evaluation.records import BadRow, ExplainedRow, PictureRow, Row
    from fixlip.evaluation.rows import read
    from fixlip.evaluation.run import Outcome, evaluate
    from fixlip.evaluation.training_log import TrainingLog

_MODULE_OF = {
    "BadRow": "records",
    "ExplainedRow": "records",
    "Figure": "metric",
    "Metric": "metric",
    "Outcome": "run",
    "PictureRow": "records",
    "Plan": "plan",
    "Row": "records",
    "TrainingLog": "training_log",
    "evaluate": "run",
    "explain_item": "again",
    "get_metric": "metrics",
    "list_metrics": "metrics",
    "read": "rows",
    "register_metric": "metrics",
    "unregister_metric": "metrics",
}
__all__ = [
    "BadRow",
    "ExplainedRow",
    "Figure",
    "Metric",
    "Outcome",
    "PictureRow",
    "Plan",
    "Row",
    "TrainingLog",
    "evaluate",
    "explain_item",
    "get_metric",
    "list_metrics",
    "read",
    "register_metric",
    "unregister_metric",
]


def __getattr__(name: str) -> Any:
    if name in _MODULE_OF:
        return getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
