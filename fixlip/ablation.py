"""One option swept over several values: how far the answer depends on it, and what it costs."""

import html
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from fixlip.anytime import all_or_nothing
from fixlip.api import DEFAULT_MODEL, explain
from fixlip.comparison import Comparison
from fixlip.errors import BudgetError, FixlipError, InputError, OptionError, unknown
from fixlip.estimator import Estimator
from fixlip.explanation import Explanation
from fixlip.images import ImageLike
from fixlip.registry import get_estimator

if TYPE_CHECKING:
    from fixlip.encoders.base import DualEncoder

OF_THE_CALL = ("batch_size", "budget", "image_masks", "removal", "seed", "text_masks")
OTHER_PLAYERS = ("text_players", "image_players", "phrases")
HEADINGS = {
    "correlation": "correlation",
    "error": "relative error",
    "stderr": "standard error",
    "r2": "R²",
}


@dataclass(frozen=True)
class Sweep:
    """Explanations of one picture and caption that differ in one option, measured against a reference.

    Attributes:
        option: what was swept.
        values: its values, in the order in which they were asked for.
        explanations: one for each value.
        reference: what they are measured against.
        reference_name: says which one that is.
    """

    option: str
    values: tuple[Any, ...]
    explanations: tuple[Explanation, ...]
    reference: Explanation
    reference_name: str

    def __post_init__(self) -> None:
        for e in self.explanations:
            if (e.players.caption, e.players.labels) != (self.reference.players.caption, self.reference.players.labels):
                raise InputError(
                    f"The reference has other players: {self.reference.players.n_image} + "
                    f"{self.reference.players.n_text} of {self.reference.players.caption!r}, the sweep has "
                    f"{e.players.n_image} + {e.players.n_text} of {e.players.caption!r}."
                )

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, value: Any) -> Explanation:
        return self.explanations[self.values.index(value)]

    @property
    def measured(self) -> str:
        """What is compared: "cross pairs", or "first-order effects" where one of the explanations has no pairs."""
        every = (*self.explanations, self.reference)
        return "cross pairs" if all(np.isfinite(e.cross).any() for e in every) else "first-order effects"

    @property
    def comparison(self) -> Comparison:
        """The same explanations as a `Comparison`: maps side by side, agreement of each with each."""
        return Comparison(self.explanations, tuple(f"{self.option} = {label(value)}" for value in self.values))

    def table(self) -> list[dict[str, Any]]:
        """One row for each value.

        Returns:
            Rows with the same keys: `value`; `reference` (is it the one measured against); `passes`, `image_passes`,
            `text_passes`; `seconds`; `correlation` (Pearson, of what `measured` says, with the reference); `error`
            (norm of the difference from the reference over the norm of the reference; NaN between different units);
            `stderr` (mean standard error, in the unit of the explanation); `r2`; `status`; and all numbers in
            `Provenance.details`. NaN is what an estimator does not give; pairs that were not estimated are left out.
        """
        return [
            {
                "value": value,
                "reference": e is self.reference,
                "passes": e.provenance.image_passes + e.provenance.text_passes,
                "image_passes": e.provenance.image_passes,
                "text_passes": e.provenance.text_passes,
                "seconds": e.provenance.seconds,
                **self._against_reference(e),
                "r2": e.provenance.r2,
                "status": e.provenance.status,
                **{name: e.provenance.details.get(name, float("nan")) for name in self._details},
            }
            for value, e in zip(self.values, self.explanations, strict=True)
        ]

    @property
    def _details(self) -> list[str]:
        return list(dict.fromkeys(name for e in self.explanations for name in e.provenance.details))

    def _against_reference(self, e: Explanation) -> dict[str, float]:
        pairs = self.measured == "cross pairs"
        found, truth = (x.cross.ravel() if pairs else x.first_order for x in (e, self.reference))
        errors = e.cross_stderr.ravel() if pairs or e.stderr is None else e.stderr.first_order
        both = np.isfinite(found) & np.isfinite(truth)
        found, truth, errors = found[both], truth[both], errors[np.isfinite(errors)]
        varied = len(truth) > 1 and np.ptp(found) > 0 and np.ptp(truth) > 0
        size = np.linalg.norm(truth) if e.unit == self.reference.unit else 0.0
        return {
            "correlation": float(np.corrcoef(found, truth)[0, 1]) if varied else float("nan"),
            "error": float(np.linalg.norm(found - truth) / size) if size else float("nan"),
            "stderr": float(errors.mean()) if len(errors) else float("nan"),
        }

    def summary(self) -> list[dict[str, str]]:
        """The table as it is printed: one row for each value, without what no run gave; * marks the reference."""
        rows = self.table()
        given = [k for k in HEADINGS if any(np.isfinite(row[k]) for row in rows)]
        return [
            {
                self.option: label(row["value"]) + (" *" if row["reference"] else ""),
                "image + text passes": f"{row['image_passes']:,} + {row['text_passes']:,}",
                "seconds": f"{row['seconds']:.2f}",
                **{HEADINGS[k]: _number(row[k]) for k in given},
            }
            for row in rows
        ]

    def details(self) -> list[dict[str, str]]:
        """The numbers of `Provenance.details` as they are printed; no row where there are none."""
        if not self._details:
            return []
        return [
            {self.option: label(row["value"])} | {name.replace("_", " "): _number(row[name]) for name in self._details}
            for row in self.table()
        ]

    def __repr__(self) -> str:
        values = ", ".join(map(label, self.values))
        return f"Sweep({self.option} = {values}; {self.measured}, reference: {self.reference_name})"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        import base64

        from fixlip.plots import convergence
        from fixlip.plots.style import to_png

        caption = html.escape(f"{self.measured}, reference: {self.reference_name}")
        png = base64.b64encode(to_png(convergence(self).get_figure(root=True))).decode()  # type: ignore[arg-type]
        figure = f'<img alt="convergence" style="max-width:100%" width="600" src="data:image/png;base64,{png}">'
        return {
            "text/html": f"<p>{caption}</p>{_html(self.summary())}{_html(self.details())}{figure}",
            "image/png": png,
            "text/plain": repr(self),
        }


@all_or_nothing()
def sweep(
    image: ImageLike,
    text: str,
    *,
    option: str,
    values: Sequence[Any],
    reference: Any = None,
    model: "str | DualEncoder" = DEFAULT_MODEL,
    estimator: str | Estimator = "banzhaf",
    options: dict[str, Any] | None = None,
    **call: Any,
) -> Sweep:
    """Explain one picture and caption with several values of one option: an ablation, or a convergence curve.

    Args:
        image, text, model, estimator, options: as in `explain`; `options` are those that stay fixed.
        option: an option of the estimator (p, steps, image_layer, ...), or an argument of the call: budget,
            image_masks, text_masks, seed, removal, batch_size.
        values: at least two.
        reference: what the others are measured against: an `Explanation`, or a value (explained as well where it is
            not among the values); the last value when None.
        call: further arguments of `explain`; they hold for all.

    Returns:
        A `Sweep`: its `table` has errors and cost, `fixlip.plots.convergence` draws it.

    Raises:
        OptionError: no such option (the nearest is named), a value that it refuses, fewer than two values, or an option
            that changes who the players are.
        InputError: a reference with other players.
        FixlipError: as `explain`.

    Example:
        >>> from fixlip.datasets.scenes import make_scene
        >>> scene = make_scene(0)
        >>> found = sweep(
        ...     scene.image, scene.caption, option="image_masks", values=(128, 512), model="demo-clip", progress=False
        ... )
        >>> [(row["value"], row["passes"], row["error"] < 1) for row in found.table()]
        [(128, 644, True), (512, 1028, True)]
    """
    if isinstance(estimator, str):
        estimator = get_estimator(estimator, **(options or {}))
    elif options:
        raise OptionError("Options go with an estimator given by name; this one is built already.")
    values = [v.item() if isinstance(v, np.generic) else v for v in _several(option, values)]
    given = isinstance(reference, Explanation)
    chosen = values[-1] if reference is None or given else reference
    extra = [] if any(chosen == value for value in values) else [chosen]
    runs = _runs(option, [*values, *extra], estimator, {**call, **dict.fromkeys(options or ())})
    found = [_explain(image, text, option, value, {"model": model, **call, **run}) for value, run in runs]
    if given:
        name = f"the explanation given ({reference.index})"
    else:
        note = ", the last value" if reference is None else ", a run of its own" if extra else ""
        name, reference = f"{option} = {label(chosen)}{note}", found[[*values, *extra].index(chosen)]
    return Sweep(option, tuple(values), tuple(found[: len(values)]), reference, name)


def _several(option: str, values: Sequence[Any]) -> Sequence[Any]:
    if isinstance(values, str) or not isinstance(values, Sequence | np.ndarray) or len(values) < 2:
        raise OptionError(f"A sweep needs a list of at least two values of {option}, got {values!r}.")
    repeated = [v for k, v in enumerate(values) if any(v == other for other in values[:k])]
    if repeated:
        raise OptionError(f"{option} = {label(repeated[0])} is among the values twice.")
    return values


def _runs(option: str, values: Sequence[Any], estimator: Estimator, fixed: dict[str, Any]) -> list[tuple[Any, Any]]:
    """Each value with its arguments of `explain`; checks all that can be checked before any work is done."""
    name, own = estimator.capabilities.name, [f.name for f in fields(estimator)]  # type: ignore[arg-type]
    if option in ("model", "estimator"):
        raise OptionError(f"A sweep has one {option}; fixlip.compare takes several {option}s.")
    if option in OTHER_PLAYERS and option not in own:
        raise OptionError(f"{option} changes who the players are, so there is nothing to compare pair by pair.")
    if option not in own and option not in OF_THE_CALL:
        raise OptionError(unknown(f"option of {name} or of the call", option, [*own, *OF_THE_CALL]))
    if option in fixed:
        raise OptionError(f"{option} is what the sweep varies; do not fix it as well.")
    if option not in own:
        return [(value, {option: value, "estimator": estimator}) for value in values]
    runs = []
    for value in values:
        try:
            runs.append((value, {"estimator": replace(estimator, **{option: value})}))  # type: ignore[type-var]
        except FixlipError as error:
            raise type(error)(f"{option} = {label(value)}: {error}") from error
    return runs


def _explain(image: ImageLike, text: str, option: str, value: Any, arguments: dict[str, Any]) -> Explanation:
    try:
        return explain(image, text, **arguments)
    except (OptionError, BudgetError) as error:
        raise type(error)(f"{option} = {label(value)}: {error}") from error


def label(value: Any) -> str:
    """A value of an option in words.

    Example:
        >>> label(0.30), label({"image": "drop"}), label({}), label(None)
        ('0.3', 'image drop', 'default', 'default')
    """
    if isinstance(value, dict):
        return ", ".join(f"{side} {name}" for side, name in value.items()) or "default"
    if isinstance(value, float):
        return f"{value:g}"
    return "default" if value is None else str(value)


def _number(value: float) -> str:
    return (
        "–"
        if not np.isfinite(value)
        else "0"
        if value == 0
        else f"{value:.4f}"
        if abs(value) >= 1e-3
        else f"{value:.1e}"
    )


def _html(rows: list[dict[str, str]]) -> str:
    lines = [("th", list(rows[0])), *(("td", list(row.values())) for row in rows)] if rows else []
    cells = ("".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in line) for tag, line in lines)
    return f"<table>{''.join(f'<tr>{line}</tr>' for line in cells)}</table>" if rows else ""
