"""A sweep of one option over several values, to see how far the answer depends on it and what it costs."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from fixlip.api.explain import explained
from fixlip.api.load import DEFAULT_MODEL
from fixlip.arguments import in_order, lasting, plain_number
from fixlip.errors import FixlipError, OptionError, unknown
from fixlip.estimator import Estimator
from fixlip.fitting.stopping import all_or_nothing
from fixlip.io.images import ImageLike
from fixlip.registry import get_estimator
from fixlip.results.explanation import Explanation
from fixlip.results.sweep import Sweep, label

if TYPE_CHECKING:
    from fixlip.encoders.base import DualEncoder

OF_THE_CALL = ("batch_size", "budget", "image_masks", "removal", "seed", "text_masks")
OTHER_PLAYERS = ("text_players", "image_players", "phrases")


@all_or_nothing()
def sweep(
    image: ImageLike,
    text: str,
    *,
    option: str,
    values: Iterable[Any],
    reference: Any = None,
    model: "str | DualEncoder" = DEFAULT_MODEL,
    estimator: str | Estimator = "banzhaf",
    options: dict[str, Any] | None = None,
    **call: Any,
) -> Sweep:
    """Explain one picture and caption with several values of one option, for an ablation or a convergence curve.

    Args:
        image, text, model, estimator, options: as in `explain`; `options` stay fixed.
        option: an option of the estimator (p, steps, image_layer, ...), or an argument of the call: budget,
            image_masks, text_masks, seed, removal, batch_size.
        values: at least two values of the option.
        reference: the standard for the errors: an `Explanation`, or a value (which is explained too if it is not among
            the values); the last value when None.
        call: further arguments of `explain`; they hold for all.

    Returns:
        A `Sweep`: its `table` has the errors and the cost, and `fixlip.plots.convergence` draws it.

    Raises:
        OptionError: an unknown option (the message names the nearest one), a value that the option refuses, fewer than
            two values, or an option that changes the players.
        InputError: a reference with other players.
        FixlipError: as `explain`.

    Example:
        >>> from fixlip.datasets.scenes import make_scene
        >>> scene = make_scene(0)
        >>> result = sweep(
        ...     scene.image, scene.caption, option="image_masks", values=(128, 256), model="demo-clip", progress=False
        ... )
        >>> [(row["value"], row["passes"], row["error"] < 1) for row in result.table()]
        [(128, 644, True), (256, 772, True)]
    """
    if isinstance(estimator, str):
        estimator = get_estimator(estimator, **(options or {}))
    elif options:
        raise OptionError("Options need an estimator given by name; this estimator is already built.")
    values, call = _several(option, values), {name: lasting(value) for name, value in call.items()}
    given = isinstance(reference, Explanation)
    chosen = values[-1] if reference is None or given else plain_number(reference)
    extra = [] if any(chosen == value for value in values) else [chosen]
    runs = _runs(option, [*values, *extra], estimator, {**call, **dict.fromkeys(options or ())})
    explanations = [
        explained(f"{option} = {label(value)}", image, text, model=model, **{**call, **run}) for value, run in runs
    ]
    if given:
        name = f"the explanation given ({reference.index})"
    else:
        note = ", the last value" if reference is None else ", a separate run" if extra else ""
        name, reference = f"{option} = {label(chosen)}{note}", explanations[[*values, *extra].index(chosen)]
    return Sweep(option, tuple(values), tuple(explanations[: len(values)]), reference, name)


def _several(option: str, values: Iterable[Any]) -> list[Any]:
    several = [plain_number(value) for value in in_order("values", values, Mapping)]
    if len(several) < 2:
        raise OptionError(f"A sweep needs a list of at least two values of {option}, got {several!r}.")
    repeated = [v for k, v in enumerate(several) if any(v == other for other in several[:k])]
    if repeated:
        raise OptionError(f"{option} = {label(repeated[0])} is given twice.")
    return several


def _runs(option: str, values: Sequence[Any], estimator: Estimator, fixed: dict[str, Any]) -> list[tuple[Any, Any]]:
    """Return each value with its arguments of `explain`; check the values before any work is done."""
    name, options = estimator.capabilities.name, [f.name for f in fields(estimator)]  # type: ignore[arg-type]
    if option in ("model", "estimator"):
        raise OptionError(f"A sweep uses one {option}; fixlip.compare takes several {option}s.")
    if option in OTHER_PLAYERS and option not in options:
        raise OptionError(f"{option} changes the players, so the pairs cannot be compared.")
    if option not in options and option not in OF_THE_CALL:
        raise OptionError(unknown(f"option of {name} or of the call", option, [*options, *OF_THE_CALL]))
    if option in fixed:
        raise OptionError(f"The sweep varies {option}; do not fix it as well.")
    if option not in options:
        return [(value, {option: value, "estimator": estimator}) for value in values]
    runs = []
    for value in values:
        try:
            runs.append((value, {"estimator": replace(estimator, **{option: value})}))  # type: ignore[type-var]
        except FixlipError as error:
            raise type(error)(f"{option} = {label(value)}: {error}") from error
    return runs
