"""The one result type of fixlip."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from fixlip.arguments import in_order
from fixlip.errors import InputError
from fixlip.players.base import Players
from fixlip.results import cosine, fiftyone_fields, shapiq_values, summary
from fixlip.results.additive import Additive, shares_of
from fixlip.results.binding import Binding, bound
from fixlip.results.equality import ByValue
from fixlip.results.presentation import Presented
from fixlip.results.provenance import Provenance, StandardErrors, Unit
from fixlip.results.removal_curves import RemovalCurves
from fixlip.results.spectrum import Spectrum
from fixlip.results.tables import Tabular, frame, signed
from fixlip.results.third_order import ThirdOrder

if TYPE_CHECKING:
    import pandas
    import shapiq


class Pair(NamedTuple):
    """An image player and a text player, their interaction and its standard error.

    Attributes:
        image, text: index of each within its modality.
        value, stderr: the interaction, and its standard error; NaN where there is none.
        word, patch: labels of the text player and of the image player.
    """

    image: int
    text: int
    value: float
    stderr: float
    word: str = ""
    patch: str = ""

    def __repr__(self) -> str:
        return f"Pair({self})"

    def __str__(self) -> str:
        return f"{self.word} × {self.patch}: {signed(self.value, self.stderr)}"


@dataclass(frozen=True, eq=False)
class Explanation(ByValue, Presented, Tabular):
    """An explanation of a similarity: ``v(M) ~ baseline + sum of e_i + sum of e_ij (+ e_ijk)`` over the players in M.

    Attributes:
        baseline: order-0 term, in `unit`.
        first_order: [n], image players first.
        second_order: [n, n], symmetric, zero diagonal; NaN where a pair was not estimated.
        empty_value, full_value: the game itself on the empty and on the full mask, in `value_unit`.
        index: the interaction index, such as ``FWBII(p=0.5)``.
        players: the players, with the caption and the picture.
        stderr: standard errors, or None where the estimator gives none.
        unit: "logit" or "cosine", or "relevance" where a method only ranks players.
        provenance: how the numbers were made.
        curves: the model's scores while players are removed, if asked for (``explain(..., curves=True)``).
        third_order: interactions of three players of both modalities, if asked for (``options={"order": 3}``).
        power: variance of the similarity by orders, where the estimator knows it; see `spectrum`.
    """

    baseline: float
    first_order: np.ndarray
    second_order: np.ndarray
    empty_value: float
    full_value: float
    index: str
    players: Players
    stderr: StandardErrors | None = None
    unit: Unit = "logit"
    provenance: Provenance = field(default_factory=Provenance)
    curves: RemovalCurves | None = None
    third_order: ThirdOrder | None = None
    power: Spectrum | None = None

    def __post_init__(self) -> None:
        n = len(self.players)
        if self.first_order.shape != (n,) or self.second_order.shape != (n, n):
            raise InputError(
                f"{n} players need values of shape ({n},) and ({n}, {n}), "
                f"got {self.first_order.shape} and {self.second_order.shape}."
            )

    def __repr__(self) -> str:
        players = self.players
        fit = f", R2 {self.provenance.r2:.3f}" if np.isfinite(self.provenance.r2) else ""
        return (
            f"Explanation({players.caption!r}, {players.n_image} image + {players.n_text} text players, {self.index}, "
            f"value {self.full_value:.3f} {self.value_unit}{fit}; strongest: {self.strongest()})"
        )

    def __str__(self) -> str:
        return f"“{self.players.caption}”\n{self.summary()}\nStrongest: {self.strongest()}"

    def summary(self) -> str:
        """Say in one or two sentences what carries the similarity and where, and whether to trust it.

        Words are named by what they add in `additive`, where its errors leave no doubt about the sign; places by thirds
        of the picture, or by the names of regions, where most of a word's positive interactions gather.
        """
        if self.unit == "relevance":
            return summary.ranking(self.players, self.first_order)
        values = self.full_value, self.empty_value
        answer = summary.Answer(self.additive(), self.cross, *values, self.provenance.r2, self.provenance.status)
        return summary.sentences(answer)

    def leading(self) -> str:
        """Say which word carries the similarity and where; of a method that only ranks, which player comes first."""
        if self.unit == "relevance":
            return f"“{self.players.labels[int(self.first_order.argmax())]}” comes first"
        return summary.leading(self.additive(), self.cross)

    def additive(self) -> Additive:
        """Spread the difference between the whole input and nothing shown over players, in numbers that add up.

        Raises:
            InputError: the effects are in "relevance", which only ranks players.
        """
        if self.unit == "relevance":
            method = self.provenance.estimator or self.index
            raise InputError(f"{method} ranks players on a scale of its own; nothing adds up to the similarity.")
        values, errors = self.as_first_order(), np.full(len(self.players), np.nan)
        if self.stderr is not None and self.stderr.additive is not None:
            errors = self.stderr.additive
        elif self.stderr is not None:
            squares = np.square(self.stderr.first_order) + np.square(np.nan_to_num(self.stderr.second_order)).sum(1) / 4
            if self.stderr.third_order is not None:
                squares += self.stderr.third_order.map(np.square).of_pairs().sum(1) / 18
            errors = np.sqrt(squares)
        total = self.full_value - self.empty_value
        return Additive(self.players, values, errors, total, total - float(values.sum()), self.unit)

    def strongest(self, k: int = 3) -> str:
        """Write the k strongest pairs, or where there are no pairs the k strongest players, in one line."""
        if np.isfinite(self.cross).any():
            return ", ".join(map(str, self.top_pairs(k)))
        errors = np.full(len(self.players), np.nan) if self.stderr is None else self.stderr.first_order
        order = np.argsort(-np.abs(self.first_order), kind="stable")[:k]
        return ", ".join(f"{self.players.labels[i]}: {signed(self.first_order[i], errors[i])}" for i in order)

    @property
    def value_unit(self) -> Unit:
        """Unit of `empty_value` and `full_value`: logit or cosine, also where the effects are in "relevance"."""
        return "logit" if self.unit == "relevance" else self.unit

    @property
    def cross(self) -> np.ndarray:
        """Interactions between image and text players, a view of shape [n_image, n_text]."""
        n = self.players.n_image
        cross: np.ndarray = self.second_order[:n, n:]
        return cross

    @property
    def cross_stderr(self) -> np.ndarray:
        """Standard errors of `cross`, NaN where there are none."""
        n = self.players.n_image
        if self.stderr is None:
            return np.full(self.cross.shape, np.nan)
        return self.stderr.second_order[:n, n:]

    def predict(self, masks: np.ndarray) -> np.ndarray:
        """Evaluate the surrogate on joint masks, boolean [B, n] -> [B], in `unit`; what was not estimated counts as 0.

        Raises:
            InputError: the masks have another shape.
        """
        masks = np.asarray(masks, dtype=float)
        if masks.ndim != 2 or masks.shape[1] != len(self.players):
            raise InputError(f"Masks must have shape [B, {len(self.players)}], got {masks.shape}.")
        pairs = np.nan_to_num(self.second_order, nan=0.0)
        values: np.ndarray = self.baseline + masks @ self.first_order + 0.5 * ((masks @ pairs) * masks).sum(1)
        if self.third_order is not None:
            values += self.third_order.values(masks)
        return values

    def value_of(self, players: Iterable[int]) -> float:
        """Evaluate the surrogate with just these players (joint indices) present, in `unit`."""
        mask = np.zeros((1, len(self.players)), dtype=bool)
        mask[0, in_order("players", players)] = True
        return float(self.predict(mask)[0])

    def as_first_order(self) -> np.ndarray:
        """Return one number for each player, [n]: its first-order effect, and its share of each of its interactions.

        That is half of the interaction of a pair, and a third of that of three. They are the Shapley values of the
        surrogate: with the baseline they add up to its value on the full mask.
        """
        return shares_of(self.first_order, self.second_order, self.third_order)

    def top_pairs(self, k: int = 10, *, sign: Literal["both", "positive", "negative"] = "both") -> list[Pair]:
        """Return the k strongest pairs of an image and a text player, strongest first."""
        weight = {"both": np.abs, "positive": np.positive, "negative": np.negative}[sign](self.cross)
        order = np.argsort(-np.where(np.isnan(weight), -np.inf, weight), axis=None, kind="stable")[:k]
        rows, columns = np.unravel_index(order, self.cross.shape)
        errors = self.cross_stderr
        return [
            Pair(
                int(i),
                int(j),
                float(self.cross[i, j]),
                float(errors[i, j]),
                self.players.text[j].label,
                self.players.image[i].label,
            )
            for i, j in zip(rows, columns, strict=True)
            if sign == "both" or weight[i, j] > 0
        ]

    def to_pandas(self, order: Literal[1, 2] | None = None) -> "pandas.DataFrame":
        """Return the effects as a table of pandas.

        Args:
            order: 2 for the pairs of an image and a text player, strongest first, as `top_pairs` gives them; 1 for the
                players in order: label, modality, effect, stderr. The pairs where there are any when None.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        if order == 2 or (order is None and np.isfinite(self.cross).any()):
            return frame(self.top_pairs(self.cross.size))
        errors = np.full(len(self.players), np.nan) if self.stderr is None else self.stderr.first_order
        numbers = zip(self.players.image + self.players.text, self.first_order, errors, strict=True)
        names = ("label", "modality", "effect", "stderr")
        return frame(dict(zip(names, (p.label, p.modality, e, s), strict=True)) for p, e, s in numbers)

    def to_fiftyone(self, words: Any = None) -> dict[str, Any]:
        """Return fields for a sample of FiftyOne: ``sample.update_fields(found.to_fiftyone())``.

        Args:
            words: those of the heatmap, as in `patch_values`.

        Returns:
            ``similarity`` (float), ``explanation`` (`summary`, a string), ``heatmap`` (`fiftyone.Heatmap`, its range
            symmetric about 0) and ``words`` (`fiftyone.Detections`): a box for each word that adds something anywhere,
            where it adds most, with its `interaction`. All lie on the picture as given, also where the model sees only
            its centre.

        Raises:
            MissingExtraError: fiftyone is not installed.
            InputError: as in `heatmap`.
        """
        heat, similarity = self.heatmap(words), float(self.full_value)
        return fiftyone_fields.fields(self.players, similarity, self.summary(), heat, self.cross)

    def patch_values(self, words: Any = None, *, order: Literal[1, 2] = 2) -> np.ndarray:
        """Return one number for each image player, [n_image], in `unit`: the values of a heatmap of these words.

        A pair that was not estimated counts as 0, as in `predict`; where none was estimated the sum is NaN.

        Args:
            words: for order 2, the words whose interactions are summed: a word, a character span, an index among the
                text players, or a list of these; None for all words.
            order: 2 for interactions with the words, 1 for the first-order effects of the image players.

        Raises:
            InputError: a word is not in the caption.
        """
        if order == 1:
            return self.first_order[: self.players.n_image]
        pairs = self.cross[:, slice(None) if words is None else self.players.find_text(words)]
        nothing = np.isnan(pairs).all(1) & (pairs.shape[1] > 0)
        return np.where(nothing, np.nan, np.nan_to_num(pairs, nan=0.0).sum(1))

    def heatmap(self, words: Any = None, *, order: Literal[1, 2] = 2) -> np.ndarray:
        """Put `patch_values` in their places on the picture.

        Args:
            words, order: as in `patch_values`.

        Returns:
            [rows, columns] for the patches of a grid; for the regions of a label map [h, w], each painted with its
            value, NaN where there is no region.

        Raises:
            InputError: the image players have neither a grid nor a label map, or a word is not in the caption.
        """
        return self.players.on_picture(self.patch_values(words, order=order))

    def binding(self, word: Any, other: Any) -> Binding:
        """Return how much more two words mean to the picture together than one by one.

        Args:
            word, other: each a word, a character span, an index among the text players, or a list of these, whose
                interactions are summed; as in `patch_values`.

        Raises:
            InputError: the explanation is of order 2, a word is not in the caption, or a word is on both sides.
        """
        errors = None if self.stderr is None else self.stderr.third_order
        return bound(self.players, self.third_order, errors, self.unit, (word, other))

    def share(self) -> dict[str, float]:
        """Return the shares of the absolute effects, which sum to 1.

        They are those of "image" and "text" players, of pairs across ("cross") and "within" the modalities, and, where
        these were estimated, of three players ("third").
        """
        n = self.players.n_image
        size = np.abs(np.nan_to_num(self.second_order, nan=0.0))
        parts = {
            "image": np.abs(self.first_order[:n]).sum(),
            "text": np.abs(self.first_order[n:]).sum(),
            "cross": size[:n, n:].sum(),
            "within": 0.5 * (size[:n, :n].sum() + size[n:, n:].sum()),
        }
        if self.third_order is not None:
            parts["third"] = 0.5 * sum(np.abs(values).sum() for values in self.third_order.arrays)
        total = sum(parts.values())
        return {k: float(v / total) if total > 0 else 0.0 for k, v in parts.items()}

    def spectrum(self) -> Spectrum:
        """Return how much of the similarity's variance is made by how many patches with how many words.

        Its part of three or more players is what no explanation by pairs can show.

        Raises:
            InputError: the estimator does not know, or the game is constant.
        """
        if self.power is None:
            method = self.provenance.estimator or self.index
            raise InputError(
                f"{method} does not say how much each order makes; take exact with FWBII, or banzhaf with enough masks "
                "for standard errors, and without joint masks, ridge, or all pairs by least squares."
            )
        return self.power

    def in_cosine(self) -> "Explanation":
        """Convert to cosines: divide effects by the model's logit scale; subtract the bias from values first.

        Each model learns its logit scale, so logits of two models are in different units, and cosines in the same. A
        cosine is not calibrated either: 0.3 may be much for one model and little for another.

        Raises:
            InputError: the effects are in "relevance", or the model has no logit scale.

        Example:
            >>> from fixlip import Players
            >>> players = Players.of(n_image=1, words=["dog"])
            >>> found = Explanation(
            ...     -10.0, np.array([2.0, 0.0]), np.array([[0.0, 8.0], [8.0, 0.0]]), -10.0, 0.0, "", players,
            ...     provenance=Provenance(logit_scale=100.0, logit_bias=-10.0),
            ... ).in_cosine()
            >>> found.full_value, found.first_order.tolist(), found.cross.tolist(), found.unit
            (0.1, [0.02, 0.0], [[0.08]], 'cosine')
        """
        return self if self.unit == "cosine" else replace(self, **cosine.changes(vars(self)))

    def save(self, path: str | Path) -> None:
        """Write to one file (safetensors with a JSON header); see `fixlip.results.storage`."""
        from fixlip.results import storage  # its schemas take a moment to import

        storage.save(vars(self), path)

    @classmethod
    def load(cls, path: str | Path) -> "Explanation":
        """Read a file that `save` wrote."""
        from fixlip.results import storage

        return cls(**storage.load(path))

    def to_shapiq(self) -> "shapiq.InteractionValues":
        """Convert to `shapiq.InteractionValues`; pairs that were not estimated are left out."""
        return shapiq_values.to_shapiq(vars(self))

    @classmethod
    def from_shapiq(cls, values: "shapiq.InteractionValues", players: Players, **fields: Any) -> "Explanation":
        """Make an explanation from `shapiq.InteractionValues` of order 1 to 3; `fields` are further attributes.

        Interactions of three players of one modality are left out.
        """
        return cls(**{**shapiq_values.from_shapiq(values, players), **fields})
