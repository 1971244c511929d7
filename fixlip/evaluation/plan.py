"""The plan of an evaluation: data, models, estimators, metrics, and how a pair is explained."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from fixlip import specs
from fixlip.arguments import in_order, plain_number
from fixlip.datasets import load_dataset
from fixlip.datasets.columns import is_table
from fixlip.datasets.tables import Table
from fixlip.errors import OptionError, unknown
from fixlip.estimator import Estimator
from fixlip.evaluation.metrics import get_metric
from fixlip.registry import get_estimator

if TYPE_CHECKING:
    from fixlip.datasets.base import Dataset
    from fixlip.encoders.base import DualEncoder

CALL = ("budget", "image_masks", "text_masks", "seed")
OF_A_MODEL = ("allow_random", "cache_dir", "device", "dtype", "pretrained")
MAY_GROW = ("metrics", "models", "estimators", "device", "threads")


@dataclass(frozen=True)
class Plan:
    """The plan of an evaluation. Names may carry options: ``banzhaf p=0.7 image_masks=256``.

    Attributes:
        metrics: names of `fixlip.evaluation.list_metrics`.
        data: a name of `fixlip.datasets.load_dataset`, a data set, or a table with the usual names of columns, as
            `fixlip.datasets.tables.Table` takes it.
        models: names of `fixlip.load_model`, or models.
        estimators: names with options, also those of the call (budget, image_masks, text_masks, seed), or estimators.
        budget, image_masks, text_masks, seed, removal, image_players, text_players: as in `fixlip.explain`.
        captions: which caption of a picture that has several: the "first", or the "best", the one that the first model
            finds most similar.
        top: take only that many pairs, those that the first model finds most similar; all when None.
        device: of the models; the GPU where there is one when None.
        threads: of torch in each process; sums of floats depend on it in their last digits. Its own default when None.
    """

    metrics: tuple[str, ...]
    data: "str | Dataset"
    models: "tuple[str | DualEncoder, ...]"
    estimators: tuple[str | Estimator, ...] = ("banzhaf",)
    budget: int | None = None
    image_masks: int | None = None
    text_masks: int | None = None
    seed: int = 0
    removal: Mapping[str, str] = field(default_factory=dict)
    image_players: str = "patches"
    text_players: str = "words"
    captions: Literal["first", "best"] = "first"
    top: int | None = None
    device: str | None = None
    threads: int | None = None

    def __post_init__(self) -> None:
        if is_table(self.data):
            object.__setattr__(self, "data", Table(self.data))
        for name in (*CALL, "top", "threads"):
            object.__setattr__(self, name, plain_number(getattr(self, name)))
        for name in ("metrics", "models", "estimators"):
            values = getattr(self, name)
            object.__setattr__(self, name, tuple(in_order(name, values)))
            if not values:
                raise OptionError(f"An evaluation needs at least one of {name}.")
        if self.captions not in ("first", "best"):
            raise OptionError(unknown("value of captions", str(self.captions), ("first", "best")))
        if self.top is not None and self.top < 1:
            raise OptionError(f"top is a positive number, got {self.top}.")
        if len(self.encoders) < len(self.models):
            raise OptionError(f"Two models have the same name: {', '.join(self.encoders)}.")
        _ = self.measures, self.methods  # names and options are checked before any work is done

    @cached_property
    def measures(self) -> dict[str, tuple[str, dict[str, Any]]]:
        """Label -> name and options of each metric.

        Raises:
            OptionError: no such metric, or option of it.
        """
        measures = {}
        for spec in self.metrics:
            name, options = specs.parse(spec)
            allowed = get_metric(name).options
            for option in options:
                if option not in allowed:
                    raise OptionError(unknown(f"option of {name}", option, allowed))
            measures[specs.written(name, options)] = (name, options)
        return measures

    @cached_property
    def methods(self) -> dict[str, tuple[Estimator, dict[str, Any]]]:
        """Label -> each estimator, and its arguments of `Estimator.explain`."""
        methods = {}
        for spec in self.estimators:
            call = {name: getattr(self, name) for name in CALL}
            if isinstance(spec, str):
                name, options = specs.parse(spec)
                call |= {k: options[k] for k in CALL if k in options}
                if "budget" in options or not {"image_masks", "text_masks"}.isdisjoint(options):
                    call = {k: v if k in options or k == "seed" else None for k, v in call.items()}
                estimator = get_estimator(name, **{k: v for k, v in options.items() if k not in CALL})
                label = specs.written(name, options)
            else:
                estimator, label = spec, _label(spec)
            methods[label] = (estimator, call)
        return methods

    @cached_property
    def encoders(self) -> "dict[str, str | DualEncoder]":
        """Label -> each model, by name or as it is.

        Raises:
            OptionError: no such option of a model.
        """
        for model in self.models:
            for option in specs.parse(model)[1] if isinstance(model, str) else ():
                if option not in OF_A_MODEL:
                    raise OptionError(unknown("option of a model", option, OF_A_MODEL))
        return {model if isinstance(model, str) else model.name: model for model in self.models}

    @cached_property
    def dataset(self) -> "Dataset":
        """The data set."""
        if not isinstance(self.data, str):
            return self.data
        name, options = specs.parse(self.data)
        return load_dataset(name, **options)

    @property
    def facts(self) -> tuple[str, ...]:
        """Facts to note of each picture for the analysis of failures, whatever the estimator."""
        return ("picture",) if any(name == "grounding" for name, _ in self.measures.values()) else ()

    @property
    def selects(self) -> bool:
        """Return whether pairs are chosen by a model before they are explained."""
        return self.captions == "best" or self.top is not None

    def settings(self) -> dict[str, Any]:
        """All of it in types of JSON."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        data = self.data if isinstance(self.data, str) else self.data.name
        labels = {"metrics": [*self.measures], "models": [*self.encoders], "estimators": [*self.methods]}
        return values | labels | {"data": data, "removal": dict(self.removal)}

    def joined(self, before: dict[str, Any]) -> "Plan":
        """The same with what a run of `before` has decided already.

        Raises:
            OptionError: it decided otherwise: its numbers and these do not belong together.
        """
        for name, value in self.settings().items():
            if name not in MAY_GROW and json.dumps(value) != json.dumps(before.get(name)):
                raise OptionError(
                    f"This folder holds a run with {name} = {before.get(name)!r}, not {value!r}; take another folder."
                )
        return self if self.threads is not None else replace(self, threads=before.get("threads"))


def _label(estimator: Estimator) -> str:
    """The name of an estimator, with the options that are not the default."""
    default = type(estimator)().options()
    return specs.written(estimator.capabilities.name, {k: v for k, v in estimator.options().items() if v != default[k]})
