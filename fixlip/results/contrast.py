"""The difference of two explanations of one picture: why one caption fits it better than another."""

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from fixlip.errors import InputError
from fixlip.results.additive import REST
from fixlip.results.equality import ByValue
from fixlip.results.explanation import Explanation
from fixlip.results.presentation import Presented
from fixlip.results.provenance import Provenance, StandardErrors
from fixlip.results.summary import CARRIES, MOST_NAMED, NORMAL_95, at, listed, number, place_of
from fixlip.results.tables import Tabular, frame, signed
from fixlip.results.third_order import ThirdOrder
from fixlip.results.word_alignment import Part, aligned_players, aligned_words, players_of_both

if TYPE_CHECKING:
    import pandas

PICTURE, EMPTY = "picture alone", "nothing shown"


class Row(NamedTuple):
    """The contribution of one part to two similarities and to their difference.

    Attributes:
        part: a word that both captions share, ``dog vs cat``, ``dog vs –``, or another row: see `Contrast.rows`.
        kind: "changed" or "shared" words, "others" (words in one row), "picture", "empty", or "rest".
        first, second, difference: contribution to each similarity, and first minus second.
        cross: how much of the difference is interaction with the picture; 0 for parts that are no word.
        stderr: standard error of `cross`, the errors of its pairs taken as independent; NaN where there is none.
        where: label of the patch or region with the strongest of these interactions; empty where there is none.
        error: standard error of `difference`, those of its effects taken as independent; NaN where there is none.
    """

    part: str
    kind: Literal["changed", "shared", "others", "picture", "empty", "rest"]
    first: float
    second: float
    difference: float
    cross: float = 0.0
    stderr: float = float("nan")
    where: str = ""
    error: float = float("nan")

    @property
    def sure(self) -> bool:
        """Return whether errors leave no doubt about the sign of `difference`."""
        return not abs(self.difference) <= NORMAL_95 * self.error

    def __repr__(self) -> str:
        at = f", {signed(self.cross, self.stderr)} with the picture, strongest at {self.where}" if self.where else ""
        return f"Row({self.part}: {signed(self.difference)}{at})"


@dataclass(frozen=True, eq=False)
class Contrast(ByValue, Presented, Tabular):
    """The difference of two explanations, ``v_first - v_second``: why a picture is more similar to one of two captions.

    Explanations are additive, so their difference explains the difference of the similarities. `fixlip.contrast` makes
    one for a picture and two captions, with errors that mostly cancel.

    Attributes:
        first, second: the explanations; a positive difference speaks for the first caption.
        paired: the difference explained as a game of its own, on the same masks, with the players of `aligned`. Its
            standard errors and R2 are those of the difference; without it errors are added in quadrature, which
            overstates them several times over where both explanations share the masks of the picture.

    Raises:
        InputError: the explanations differ in their image players, model, removal, index or unit, or their effects are
            in "relevance" and do not add up.

    Example:
        >>> import fixlip
        >>> from fixlip.datasets.scenes import make_scene
        >>> scene = make_scene(4, names=("dog", "umbrella"))
        >>> dog, cat = fixlip.explain_many(
        ...     [scene.image], ["a dog", "a cat"], pairs="all", model="demo-clip", image_masks=128, progress=False
        ... )
        >>> why = Contrast(dog, cat)
        >>> [row.part for row in why.rows()]
        ['a', 'dog vs cat', 'picture alone', 'nothing shown', 'the rest']
        >>> bool(np.isclose(sum(row.difference for row in why.rows()), dog.full_value - cat.full_value))
        True
    """

    first: Explanation
    second: Explanation
    paired: Explanation | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        one, other = self.first, self.second
        if "relevance" in (one.unit, other.unit):
            raise InputError(
                f"{one.provenance.estimator or one.index} ranks players on a scale of its own; the difference of two "
                "explanations needs effects that add up, such as those of banzhaf."
            )
        images = [replace(e.players, text=(), caption="", picture=None) for e in (one, other)]
        if images[0] != images[1]:
            raise InputError("These explanations have different image players; explain both captions on one picture.")
        for name in ("index", "unit", "model", "weights", "removal"):
            a, b = (getattr(e if name in ("index", "unit") else e.provenance, name) for e in (one, other))
            if a != b:
                raise InputError(f"A contrast is of two captions and nothing else: {name} {a!r} is not {b!r}.")
        orders = [2 if e.third_order is None else 3 for e in (one, other)]
        if orders[0] != orders[1]:
            raise InputError(f"A contrast is of two captions and nothing else: order {orders[0]} is not {orders[1]}.")
        if self.paired is not None and self.paired.players.n_text != len(self.parts()):
            raise InputError(f"The paired explanation needs a text player for each of {len(self.parts())} parts.")

    def __repr__(self) -> str:
        one, other = self.captions
        words = ", ".join(f"{row.part}: {signed(row.difference)}" for row in self.ordered(3)[:3])
        value = f"{self.difference.full_value:+.3f} {self.first.value_unit}"
        return f"Contrast({one!r} rather than {other!r}, {value}; most of it: {words})"

    def __str__(self) -> str:
        return self.summary()

    def summary(self, *, captions: bool = True) -> str:
        """Say which caption fits better, by how much, and which words make most of it, and where.

        Words are named if the errors leave no doubt about the sign of what they add to the difference.

        Args:
            captions: False to say "the first caption" and "the second caption" instead of what they are.
        """
        value, parts = self.difference.full_value, self.parts()
        if value == 0:
            return "“{}” and “{}” fit equally well.".format(*self.captions) if captions else "Both fit equally well."
        better, worse = self.captions if value > 0 else self.captions[::-1]
        which = f"“{better}”" if captions else f"The {'first' if value > 0 else 'second'} caption"
        than = f" than “{worse}”" if captions else ""
        said = f"{which} fits better{than}, by {number(abs(value))} ({self.first.value_unit})"
        side, rows = np.sign(value), self.rows()[: len(parts)]
        gains = np.array([row.difference * side if row.sure else 0.0 for row in rows])
        most = [k for k in np.argsort(-gains, kind="stable")[:MOST_NAMED] if gains[k] > CARRIES * gains.max()]
        if not most:
            return f"{said}; no single word makes the difference."
        named = [
            f"{self._named(parts[k], swapped=value < 0)} adds {number(gains[k])}"
            f"{at(place_of(self.first.players, side * self.aligned.cross[:, k]))}"
            for k in most
        ]
        return f"{said}: {listed(named)}."

    def _named(self, part: Part, *, swapped: bool) -> str:
        """Write the words of a part, that of the caption that fits better first."""
        captions = (self.first, part.first), (self.second, part.second)
        words = [None if i is None else f"“{e.players.text[i].label}”" for e, i in captions]
        one, other = words[::-1] if swapped else words
        if one is None:
            return f"the absence of {other}"
        return one if other is None or one == other else f"{one} rather than {other}"

    @property
    def captions(self) -> tuple[str, str]:
        """The two captions."""
        return self.first.players.caption, self.second.players.caption

    @cached_property
    def difference(self) -> Explanation:
        """The first explanation minus the second; its players are the image players and the words of both captions.

        The effects of words keep their sign in the first caption and change it in the second; effects of the picture
        alone and the baseline are subtracted; words of different captions do not interact. On every mask it predicts
        the prediction of the first explanation minus that of the second. ``heatmap("bus")`` sums over a word that both
        captions have, and so shows the difference there.
        """
        one, other = self.first, self.second
        n, a, size = one.players.n_image, len(one.players), len(one.players) + other.players.n_text
        places = np.arange(a), np.r_[:n, a:size]

        def placed(one: np.ndarray, other: np.ndarray) -> list[np.ndarray]:
            both = []
            for values, place in zip((one, other), places, strict=True):
                whole = np.zeros((size,) * values.ndim)
                whole[np.ix_(*[place] * values.ndim)] = np.nan_to_num(values, nan=0.0)
                both.append(whole)
            return both

        def placed_third(one: ThirdOrder | None, other: ThirdOrder | None) -> tuple[ThirdOrder, ...]:
            texts = np.eye(size - n)[:, : a - n], np.eye(size - n)[:, a - n :]
            return tuple(v.regrouped(place) for v, place in zip((one, other), texts, strict=True) if v is not None)

        unknown = np.add(*placed(np.isnan(one.second_order), np.isnan(other.second_order)))
        image = np.arange(size) < n
        missing = unknown == np.where(image[:, None] & image, 2, 1)  # a pair that neither explanation has
        within = any(np.isfinite(e.second_order[n:, n:]).sum() > e.players.n_text for e in (one, other))
        missing[n:a, a:] = missing[a:, n:a] = not within
        stderr = None
        if one.stderr is not None and other.stderr is not None:
            errors = [
                np.hypot(*placed(getattr(one.stderr, order), getattr(other.stderr, order)))
                for order in ("first_order", "second_order")
            ]
            baseline = float(np.hypot(one.stderr.baseline, other.stderr.baseline))
            third = placed_third(one.stderr.third_order, other.stderr.third_order)
            if self.paired is not None and self.paired.stderr is not None:
                baseline = self.paired.stderr.baseline
                errors[0][:n], errors[1][:n, :n] = (
                    self.paired.stderr.first_order[:n],
                    self.paired.stderr.second_order[:n, :n],
                )
            second = np.where(missing, np.nan, errors[1])
            stderr = StandardErrors(baseline, errors[0], second, third[0].map(np.hypot, third[1]) if third else None)
        third = placed_third(one.third_order, other.third_order)
        return Explanation(
            one.baseline - other.baseline,
            np.subtract(*placed(one.first_order, other.first_order)),
            np.where(missing, np.nan, np.subtract(*placed(one.second_order, other.second_order))),
            one.empty_value - other.empty_value,
            one.full_value - other.full_value,
            one.index,
            players_of_both(one.players, other.players),
            stderr,
            one.unit,
            self._provenance(),
            third_order=third[0].map(np.subtract, third[1]) if third else None,
        )

    def parts(self) -> tuple[Part, ...]:
        """Align the words of both captions; words that stand for each other are one part. See `aligned_words`."""
        return aligned_words(self.first.players, self.second.players)

    @cached_property
    def aligned(self) -> Explanation:
        """The `difference` with each of `parts` as one player: words that stand for each other come and go together."""
        n, whole, parts = self.first.players.n_image, self.difference, self.parts()
        first, second = np.arange(n, len(self.first.players)), np.arange(len(self.first.players), len(whole.players))
        member = np.zeros((n + len(parts), len(whole.players)))
        member[:n, :n] = np.eye(n)
        for k, part in enumerate(parts, n):
            member[k, [places[i] for places, i in ((first, part.first), (second, part.second)) if i is not None]] = 1.0

        def merged(pairs: np.ndarray) -> np.ndarray:
            estimated = member @ ~np.isnan(pairs) @ member.T > 0
            return np.where(estimated, member @ np.nan_to_num(pairs, nan=0.0) @ member.T, np.nan)

        texts, stderr = member[n:, n:], None if self.paired is None else self.paired.stderr
        if stderr is None and whole.stderr is not None:
            first, second = np.sqrt(member @ whole.stderr.first_order**2), np.sqrt(merged(whole.stderr.second_order**2))
            third = whole.stderr.third_order and whole.stderr.third_order.map(np.square).regrouped(texts).map(np.sqrt)
            stderr = StandardErrors(whole.stderr.baseline, first, second, third)
        return replace(
            whole,
            first_order=member @ whole.first_order,
            second_order=merged(whole.second_order),
            players=aligned_players(self.first.players, self.second.players),
            stderr=stderr,
            third_order=whole.third_order and whole.third_order.regrouped(texts),
        )

    def rows(self) -> list[Row]:
        """Break the difference down: a row for each of `parts` in reading order, and three further rows.

        A word counts with its effect, half of its interactions with other words (and parts of the picture, at order 3),
        and all of those with the picture, since the picture stays the same (`Explanation.additive` counts half of
        these, too). "picture alone" is the effect of the patches and of the pairs among them, "nothing shown" the
        similarity without any player, "the rest" what effects and pairs leave over. So the column `first` adds up to
        the first similarity, `second` to the second, and `difference` to their difference.
        """
        one, other, aligned = _Sums(self.first), _Sums(self.second), self.aligned
        rows, n, errors = [], aligned.players.n_image, aligned.stderr
        of_third = np.zeros(aligned.players.n_text)
        if errors is not None and errors.third_order is not None:
            of_third = errors.third_order.map(np.square).of_words(0.25)
        for k, (label, kind, i, j) in enumerate(self.parts()):
            pairs, stderr, error = np.nan_to_num(aligned.cross[:, k]), float("nan"), float("nan")
            where = self.first.players.image[int(np.abs(pairs).argmax())].label if pairs.any() else ""
            if errors is not None:
                squares = np.nan_to_num(errors.second_order[:, n + k]) ** 2
                if np.isfinite(errors.second_order[:n, n + k]).any():
                    stderr = float(np.sqrt(squares[:n].sum()))
                within = squares[n:].sum() / 4 + of_third[k]
                error = float(np.sqrt(errors.first_order[n + k] ** 2 + squares[:n].sum() + within))
            rows.append(Row(label, kind, *_both(one.word(i), other.word(j)), float(pairs.sum()), stderr, where, error))
        rows.append(Row(PICTURE, "picture", *_both(one.picture, other.picture)))
        rows.append(Row(EMPTY, "empty", *_both(one.empty, other.empty)))
        rows.append(Row(REST, "rest", *_both(one.rest, other.rest)))
        return rows

    def to_pandas(self) -> "pandas.DataFrame":
        """Return `rows` as a table of pandas.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        return frame(self.rows())

    def ordered(self, most: int) -> list[Row]:
        """Return `rows` with the words that make most of the difference first, and one row for those beyond `most`."""
        *words, picture, baseline, rest = self.rows()
        words.sort(key=lambda row: -abs(row.difference))
        others = words[most:]
        if len(others) > 1:
            first, second, cross = (sum(getattr(row, name) for row in others) for name in ("first", "second", "cross"))
            error = float(np.sqrt(sum(row.stderr**2 for row in others)))
            words[most:] = [Row(f"{len(others)} other words", "others", *_both(first, second), cross, error)]
        return [*words, picture, baseline, rest]

    def _provenance(self) -> Provenance:
        one, other = self.first.provenance, self.second.provenance
        notes = dict.fromkeys(p.status for p in (one, other) if p.status != "ok")
        shared = (one.image_passes, one.seed) == (other.image_passes, other.seed)  # the same masks
        return replace(
            one,
            image_passes=one.image_passes if shared else one.image_passes + other.image_passes,
            text_passes=one.text_passes + other.text_passes,
            seconds=one.seconds + other.seconds,
            logit_bias=0.0 * one.logit_bias,
            r2=float("nan") if self.paired is None else self.paired.provenance.r2,
            details={},
            status="; ".join(notes) or "ok",
        )


class _Sums:
    """The contributions of words, picture, nothing shown and the rest to the similarity of one explanation."""

    def __init__(self, explanation: Explanation) -> None:
        n, first, pairs = explanation.players.n_image, explanation.first_order, np.nan_to_num(explanation.second_order)
        self.words = first[n:] + pairs[:n, n:].sum(0) + 0.5 * pairs[n:, n:].sum(1)
        if explanation.third_order is not None:
            self.words = self.words + explanation.third_order.of_words(0.5)
        self.picture = first[:n].sum() + 0.5 * pairs[:n, :n].sum()
        self.empty = explanation.empty_value
        self.rest = explanation.full_value - self.empty - self.picture - self.words.sum()

    def word(self, index: int | None) -> float:
        return 0.0 if index is None else self.words[index]


def _both(first: float, second: float) -> tuple[float, float, float]:
    return float(first), float(second), float(first - second)
