"""fixlip explains why a vision-language dual encoder finds an image and a caption similar.

>>> import fixlip
>>> fixlip.get_estimator("banzhaf", p=0.7).options()["p"]
0.7
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fixlip.api.captions import contrast, rank, swap_test
    from fixlip.api.compare import compare, sensitivity
    from fixlip.api.explain import explain, explain_many
    from fixlip.api.load import list_models, load_model
    from fixlip.api.sweep import sweep
    from fixlip.errors import (
        BudgetError,
        FixlipError,
        InputError,
        MissingExtraError,
        OptionError,
        UnsupportedModelError,
    )
    from fixlip.estimator import Capabilities, Estimator
    from fixlip.index import build_index, open_index
    from fixlip.players.base import Player, Players
    from fixlip.registry import estimator_class, get_estimator, list_estimators, register_estimator
    from fixlip.results.comparison import Comparison
    from fixlip.results.contrast import Contrast
    from fixlip.results.explanation import Explanation

_HOME = {
    "fixlip.api.captions": ("contrast", "rank", "swap_test"),
    "fixlip.api.compare": ("compare", "sensitivity"),
    "fixlip.api.explain": ("explain", "explain_many"),
    "fixlip.api.load": ("list_models", "load_model"),
    "fixlip.api.sweep": ("sweep",),
    "fixlip.errors": (
        "BudgetError",
        "FixlipError",
        "InputError",
        "MissingExtraError",
        "OptionError",
        "UnsupportedModelError",
    ),
    "fixlip.index": ("build_index", "open_index"),
    "fixlip.estimator": ("Capabilities", "Estimator"),
    "fixlip.players.base": ("Player", "Players"),
    "fixlip.registry": ("estimator_class", "get_estimator", "list_estimators", "register_estimator"),
    "fixlip.results.comparison": ("Comparison",),
    "fixlip.results.contrast": ("Contrast",),
    "fixlip.results.explanation": ("Explanation",),
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}
_SUBMODULES = ("datasets", "encoders", "evaluation", "games", "metrics", "plots")
__all__ = [
    "BudgetError",
    "Capabilities",
    "Comparison",
    "Contrast",
    "Estimator",
    "Explanation",
    "FixlipError",
    "InputError",
    "MissingExtraError",
    "OptionError",
    "Player",
    "Players",
    "UnsupportedModelError",
    "build_index",
    "compare",
    "contrast",
    "estimator_class",
    "explain",
    "explain_many",
    "get_estimator",
    "list_estimators",
    "list_models",
    "load_model",
    "open_index",
    "rank",
    "register_estimator",
    "sensitivity",
    "swap_test",
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
