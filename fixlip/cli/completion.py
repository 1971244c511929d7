"""Completions for the shell. Answers come at once: nothing here imports a model or a method before it has to."""

import json
from collections.abc import Iterable
from dataclasses import fields
from typing import Any, Literal, get_args, get_origin, get_type_hints

import typer


def _that_begin(names: Iterable[str], incomplete: str) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]


def estimators(incomplete: str) -> list[str]:
    """Names of estimators, and ``shapiq:`` for all of that family; only its members are looked up by importing it."""
    from fixlip.registry import estimator_names, list_estimators

    if ":" in incomplete:
        return _that_begin(list_estimators(), incomplete)
    return _that_begin(estimator_names(), incomplete)


def models(incomplete: str) -> list[str]:
    """Names of models."""
    from fixlip.encoders.names import bundled_models, open_clip_models

    return _that_begin([*bundled_models(), *open_clip_models()], incomplete)


def options(ctx: typer.Context, incomplete: str) -> list[str]:
    """``name=`` for the options of the estimator that is named already, ``name=value`` where it has a few values."""
    from fixlip.errors import OptionError
    from fixlip.registry import estimator_class

    named: Any = ctx.params.get("estimator") or "banzhaf"
    try:
        cls = estimator_class(named if isinstance(named, str) else named[-1].partition(" ")[0])
    except OptionError:
        return []
    found = []
    for name, kind in get_type_hints(cls).items():
        if name in {f.name for f in fields(cls)}:  # type: ignore[arg-type]
            values = get_args(kind) if get_origin(kind) is Literal else ("",)
            found += [f"{name}={v if isinstance(v, str) else json.dumps(v)}" for v in values]
    return _that_begin(found, incomplete)


def swept(ctx: typer.Context, incomplete: str) -> list[str]:
    """Options and arguments that `fixlip sweep` can vary."""
    names = [option.partition("=")[0] for option in options(ctx, "")]
    call = ("budget", "image_masks", "text_masks", "seed", "removal", "batch_size")
    return _that_begin([*dict.fromkeys(names), *call], incomplete)


def devices(incomplete: str) -> list[str]:
    """Devices that a model can run on."""
    return _that_begin(("cpu", "cuda", "mps"), incomplete)


def image_removals(incomplete: str) -> list[str]:
    """Removals of patches."""
    from fixlip.encoders.removal import removals

    return _that_begin(removals("image"), incomplete)


def text_removals(incomplete: str) -> list[str]:
    """Removals of words."""
    from fixlip.encoders.removal import removals

    return _that_begin(removals("text"), incomplete)


def image_players(incomplete: str) -> list[str]:
    """Parts of a picture."""
    return _that_begin(("patches", "grid:3", "grid:4", "slic:20", "slic:40"), incomplete)


def text_players(incomplete: str) -> list[str]:
    """Parts of a caption."""
    from fixlip.players.text_players import text_players as kinds

    return _that_begin(kinds(), incomplete)


def metrics(incomplete: str) -> list[str]:
    """Metrics of `fixlip evaluate`."""
    from fixlip.evaluation.metrics import list_metrics

    return _that_begin(list_metrics(), incomplete)


def data(incomplete: str) -> list[str]:
    """Data sets, with a colon where something must follow."""
    from fixlip.datasets import SOURCES

    return _that_begin((name + ":" * (source.first == "root") for name, source in sorted(SOURCES.items())), incomplete)
