"""Several explanations of one pair: by several models and estimators, or under several removals."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from fixlip.api.explain import explained
from fixlip.api.load import DEFAULT_MODEL, encoder_for
from fixlip.arguments import in_order, lasting
from fixlip.estimator import Estimator
from fixlip.fitting.stopping import all_or_nothing
from fixlip.io.images import ImageLike
from fixlip.results.comparison import Comparison
from fixlip.results.sweep import label

if TYPE_CHECKING:
    from fixlip.encoders.base import DualEncoder


@all_or_nothing()
def compare(
    image: ImageLike,
    text: str,
    *,
    models: "Iterable[str | DualEncoder]" = (DEFAULT_MODEL,),
    estimators: Iterable[str | Estimator] = ("banzhaf",),
    **call: Any,
) -> Comparison:
    """Explain one picture and caption by several models and estimators.

    Args:
        image, text: the inputs.
        models, estimators: all combinations are explained, models first; a single one needs no list.
        call: further arguments of `explain`; they hold for all.

    Returns:
        A `Comparison`, labelled by what differs.

    Raises:
        FixlipError: as `explain`; also if there is nothing to compare.

    Example:
        >>> from fixlip.estimators.banzhaf import Banzhaf
        >>> from fixlip.datasets.scenes import make_scene
        >>> scene = make_scene(0)
        >>> by_p = [Banzhaf(p=p, interactions="cross") for p in (0.3, 0.7)]
        >>> call = {"models": ["demo-clip"], "image_masks": 128, "progress": False}
        >>> both = compare(scene.image, scene.caption, estimators=by_p, **call)
        >>> both.labels
        ('banzhaf #1', 'banzhaf #2')
    """
    call = {name: lasting(value) for name, value in call.items()}
    methods = in_order("estimators", estimators)
    explanations = [
        explained(f"{_name(m)}, {_name(e)}", image, text, model=m, estimator=e, **call)
        for m in in_order("models", models)
        for e in methods
    ]
    names = [(f.provenance.model, f.provenance.estimator) for f in explanations]
    varied = [k for k in (0, 1) if len({name[k] for name in names}) > 1] or [1]
    labels = [", ".join(name[k] for k in varied) for name in names]
    if len(set(labels)) < len(labels):
        labels = [f"{label} #{k}" for k, label in enumerate(labels, 1)]
    return Comparison(tuple(explanations), tuple(labels))


@all_or_nothing()
def sensitivity(
    image: ImageLike,
    text: str,
    *,
    removals: Iterable[Mapping[str, str]] | None = None,
    model: "str | DualEncoder" = DEFAULT_MODEL,
    **call: Any,
) -> Comparison:
    """Explain one picture and caption under several removal operators: what depends on the removal.

    Args:
        image, text, model: as in `explain`.
        removals: values of its `removal`; when None the default, and each other operator of the model in its place.
        call: further arguments of `explain`; they hold for all.

    Returns:
        A `Comparison`, labelled by the removals; `Comparison.agreement` puts a number on it.

    Example:
        >>> from fixlip.datasets.scenes import make_scene
        >>> scene = make_scene(0)
        >>> few = {"options": {"interactions": "cross"}, "image_players": "grid:2", "progress": False}
        >>> found = sensitivity(scene.image, scene.caption, model="demo-clip", **few)
        >>> len(found), found.agreement().shape
        (6, (6, 6))
    """
    encoder, call = encoder_for(model, None), {name: lasting(value) for name, value in call.items()}
    if removals is None:
        others: list[tuple[str, str]] = [(side, name) for side, names in encoder.removals.items() for name in names[1:]]
        removals = [{}, *({side: name} for side, name in others)]
    found = [
        explained(f"removal = {label(removal)}", image, text, model=encoder, removal=removal, **call)
        for removal in in_order("removals", removals, Mapping)
    ]
    return Comparison(tuple(found), tuple(f.provenance.removal for f in found))


def _name(part: Any) -> str:
    """Return the name of a model or an estimator."""
    if isinstance(part, str):
        return part
    return part.capabilities.name if isinstance(part, Estimator) else str(getattr(part, "name", type(part).__name__))
