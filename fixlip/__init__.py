"""fixlip explains why a vision-language dual encoder finds an image and a caption similar.

>>> import fixlip
>>> fixlip.get_estimator("banzhaf", p=0.7).options()["p"]
0.7
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fixlip.ablation import sweep
    from fixlip.api import compare, explain, explain_many, list_models, load_model, sensitivity
    from fixlip.comparison import Comparison
    from fixlip.errors import (
        BudgetError,
        FixlipError,
        InputError,
        MissingExtraError,
        OptionError,
        UnsupportedModelError,
    )
    from fixlip.estimator import Capabilities, Estimator
    from fixlip.explanation import Explanation, Provenance, StandardErrors
    from fixlip.players import Player, Players
    from fixlip.registry import estimator_class, get_estimator, list_estimators, register_estimator

_HOME = {
    "fixlip.ablation": ("sweep",),
    "fixlip.api": ("compare", "explain", "explain_many", "list_models", "load_model", "sensitivity"),
    "fixlip.comparison": ("Comparison",),
    "fixlip.errors": (
        "BudgetError",
        "FixlipError",
        "InputError",
        "MissingExtraError",
        "OptionError",
        "UnsupportedModelError",
    ),
    "fixlip.estimator": ("Capabilities", "Estimator"),
    "fixlip.explanation": ("Explanation", "Provenance", "StandardErrors"),
    "fixlip.players": ("Player", "Players"),
    "fixlip.registry": ("estimator_class", "get_estimator", "list_estimators", "register_estimator"),
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}
_SUBMODULES = ("captions", "cost", "datasets", "encoders", "evaluation", "games", "metrics", "plots")
__all__ = [
    "BudgetError",
    "Capabilities",
    "Comparison",
    "Estimator",
    "Explanation",
    "FixlipError",
    "InputError",
    "MissingExtraError",
    "OptionError",
    "Player",
    "Players",
    "Provenance",
    "StandardErrors",
    "UnsupportedModelError",
    "compare",
    "estimator_class",
    "explain",
    "explain_many",
    "get_estimator",
    "list_estimators",
    "list_models",
    "load_model",
    "register_estimator",
    "sensitivity",
    "sweep",
]


def __getattr__(name: str) -> Any:
    if name in _MODULE_OF:
        return getattr(import_module(_MODULE_OF[name]), name)
    if name in _SUBMODULES:
        return import_module(f"fixlip.{name}")
    if name == "__version__":
        from importlib.metadata import version

        return version("fixlip")
    raise AttributeError(f"module 'fixlip' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, *_SUBMODULES, "__version__"])
