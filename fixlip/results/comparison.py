"""Several explanations of one picture and caption, on one scale."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from fixlip.arguments import in_order
from fixlip.errors import InputError, OptionError, unknown
from fixlip.players.base import Player, Players
from fixlip.results.common_grid import correlation, pieces
from fixlip.results.explanation import Explanation
from fixlip.results.presentation import Presented
from fixlip.results.summary import NORMAL_95, listed
from fixlip.results.tables import Tabular, frame

if TYPE_CHECKING:
    import pandas

AGREE = 0.7  # correlation from which maps agree; below half of it they do not


class SharedWord(NamedTuple):
    """A stretch of the caption, and the indices of the text players on it in each explanation; there may be none."""

    label: str
    players: tuple[list[int], ...]


@dataclass(frozen=True)
class Comparison(Presented, Tabular):
    """Explanations of the same picture and caption by several models or estimators.

    Attributes:
        explanations: the explanations, in the order in which they were asked for.
        labels: names that tell them apart: model, estimator, or both.
    """

    explanations: tuple[Explanation, ...]
    labels: tuple[str, ...]

    def __post_init__(self) -> None:
        for name in ("explanations", "labels"):
            object.__setattr__(self, name, tuple(in_order(name, getattr(self, name))))
        if not self.explanations or len(self.explanations) != len(self.labels):
            raise InputError(f"{len(self.explanations)} explanations with {len(self.labels)} labels; give one each.")
        if len({e.players.caption for e in self.explanations}) > 1:
            raise InputError("These explanations are of different captions; give explanations of the same one.")

    def __repr__(self) -> str:
        lines = [f"{label}: {e.full_value:.3f} {e.value_unit}; strongest: {e.strongest()}" for label, e in self]
        return "\n  ".join([f"Comparison({self.explanations[0].players.caption!r}", *lines]) + ")"

    def __str__(self) -> str:
        return f"“{self.explanations[0].players.caption}”\n{self.summary()}"

    def summary(self) -> str:
        """Say which word carries the similarity in each explanation and where, and how far their maps agree."""
        found: dict[str, list[str]] = {}
        for label, explanation in self:
            found.setdefault(explanation.leading(), []).append(label)
        if len(found) == 1:
            said = f"{next(iter(found))} in {'both' if len(self) == 2 else f'all {len(self)}'}"
        else:
            said = "; ".join(f"{listed(labels)}: {leading}" for leading, labels in found.items())
        try:
            pairs = self.agreement()[np.triu_indices(len(self), 1)]
        except InputError:  # other words
            pairs = np.zeros(0)
        if not np.isfinite(pairs).any():
            return f"{said}."
        mean = float(np.nanmean(pairs))
        how = "agree" if mean >= AGREE else "agree in part" if mean >= AGREE / 2 else "disagree"
        kind = "correlation" if len(pairs) == 1 else "mean correlation"
        return f"{said}. Their maps {how} ({kind} {mean:.2f})."

    def __len__(self) -> int:
        return len(self.explanations)

    def __iter__(self) -> Iterator[tuple[str, Explanation]]:
        return iter(zip(self.labels, self.explanations, strict=True))

    def __getitem__(self, label: str | int) -> Explanation:
        return self.explanations[self.labels.index(label) if isinstance(label, str) else label]

    def in_cosine(self) -> "Comparison":
        """Convert all explanations to cosines (`Explanation.in_cosine`), the unit that all models share.

        Explanations in "relevance" stay as they are.

        Raises:
            InputError: a model has no logit scale.
        """
        converted = (e if e.unit == "relevance" else e.in_cosine() for e in self.explanations)
        return replace(self, explanations=tuple(converted))

    def limit(self, words: Any = None) -> float:
        """Return the largest absolute value in all heatmaps of these words: the end of a scale that they can share.

        Explanations in "relevance" count only where there are no others.
        """
        additive = [e for e in self.explanations if e.unit != "relevance"] or self.explanations
        return max(float(np.nanmax(np.abs(e.patch_values(words)), initial=0.0)) for e in additive)

    def words(self) -> tuple[SharedWord, ...]:
        """Return the words of the caption that all explanations can tell apart, in reading order.

        Text players are matched by their characters, since tokenizers differ: where one model has the word ``unicorn``
        and another the tokens ``uni`` and ``corn``, they share the word ``unicorn``. Text players without a character
        span are matched by their label.

        Example:
            >>> from fixlip import Player, Players
            >>> whole = (Player("text", "a", span=(0, 1)), Player("text", "unicorn", span=(2, 9)))
            >>> parts = (Player("text", "uni", span=(2, 5)), Player("text", "corn", span=(5, 9)))
            >>> both = [Players((), text, caption="a unicorn") for text in (whole, parts)]
            >>> found = [Explanation(0.0, np.zeros(2), np.zeros((2, 2)), 0.0, 0.0, "", players) for players in both]
            >>> [tuple(word) for word in Comparison(tuple(found), ("words", "tokens")).words()]
            [('a', ([0], [])), ('unicorn', ([1], [0, 1]))]
        """
        everyone = [e.players.text for e in self.explanations]
        spans = _joined(p.span for text in everyone for p in text)

        def place(player: Player) -> tuple[int, str]:
            for start, end in spans:
                if player.span is not None and start <= player.span[0] < end:
                    return start, ""
            return len(self.explanations[0].players.caption), player.label.casefold()

        shared: dict[tuple[int, str], SharedWord] = {}
        for k, text in enumerate(everyone):
            for i, player in enumerate(text):
                word = SharedWord(player.label, tuple([] for _ in everyone))
                shared.setdefault(place(player), word).players[k].append(i)
        return tuple(self._named(shared[key], key[0], dict(spans)) for key in sorted(shared))

    def _named(self, word: SharedWord, start: int, ends: dict[int, int]) -> SharedWord:
        """Label the word by a text player that covers it whole, or else by its characters in the caption."""
        for e, players in zip(self.explanations, word.players, strict=True):
            if len(players) == 1 and (start not in ends or e.players.text[players[0]].span == (start, ends[start])):
                return SharedWord(e.players.text[players[0]].label, word.players)
        return SharedWord(self.explanations[0].players.caption[start : ends.get(start)] or word.label, word.players)

    def table(self) -> list[dict[str, Any]]:
        """Return one row for each explanation: similarity, R2 of the fit, shares of the effects, passes, seconds."""
        return [table_row(label, e) for label, e in self]

    def differences(self) -> list[dict[str, Any]]:
        """Compare each two of the explanations: their similarity, and the effect of each word of the caption.

        The effect of a word is what it adds: its own effect and half of its interactions (`Explanation.additive`). The
        95 % interval reaches 1.96 standard errors to either side of the difference, with those of all effects taken as
        independent. It covers another draw of the masks, not another picture: for that, compare models on a data set
        with `fixlip.evaluation`.

        Returns:
            For each two explanations a row with ``word`` None for the similarity, then a row for each word of `words`:
            ``first`` and ``second`` (labels), ``unit``, ``first_value``, ``second_value``, ``difference`` (second minus
            first), ``low``, ``high``. Numbers are NaN where an explanation lacks the word or the standard errors, or
            only ranks; the difference is NaN also between different units.

        Example:
            >>> from fixlip import Players
            >>> players = Players.of(n_image=2, words=["dog", "runs"])
            >>> def found(size):
            ...     pairs = np.array([[0, 0, size, 0], [0, 0, size, 1], [size, size, 0, 0], [0, 1, 0, 0]])
            ...     return Explanation(0.0, np.zeros(4), pairs, 0.0, 9.0, "", players)
            >>> for row in Comparison((found(1.0), found(2.5)), ("one", "other")).differences():
            ...     print(row["word"], row["first_value"], row["second_value"], row["difference"])
            None 9.0 9.0 0.0
            dog 1.0 2.5 1.5
            runs 0.5 0.5 0.0
        """
        words, rows = self.words(), []
        for (i, one), (j, other) in combinations(enumerate(self.explanations), 2):
            pair = {"first": self.labels[i], "second": self.labels[j]}
            whole = ((e.full_value, 0.0, e.value_unit) for e in (one, other))
            rows.append(pair | {"word": None} | _difference(*whole))
            for word in words:
                both = (_effect(one, word.players[i]), _effect(other, word.players[j]))
                rows.append(pair | {"word": word.label} | _difference(*both))
        return rows

    def to_pandas(self, rows: Literal["table", "differences"] = "table") -> "pandas.DataFrame":
        """Return `table` or `differences` as a table of pandas.

        Raises:
            MissingExtraError: pandas is not installed.
            OptionError: there are no such rows.
        """
        if rows not in ("table", "differences"):
            raise OptionError(unknown("rows", str(rows), ("table", "differences")))
        return frame(self.table() if rows == "table" else self.differences())

    def agreement(self) -> np.ndarray:
        """Compute the Pearson correlation of the cross-modal interactions for each two of the explanations, [k, k].

        Where the explanations have other image players (7 x 7 and 8 x 8 patches, a crop and the whole picture), each
        interaction is spread evenly over its patch or region, and the maps are correlated over the part of the picture
        that all of them see, by area.

        NaN where an explanation has no interactions, a single one, or all the same, or where no place is shared.

        Raises:
            InputError: the explanations have different text players, or different image players without a grid or a
                label map.
        """
        everyone, maps = [e.players for e in self.explanations], [e.cross for e in self.explanations]
        words = {players.n_text for players in everyone}
        if len(words) > 1:
            raise InputError(
                f"Only words that are the same players can be correlated, these have {sorted(words)} words."
            )
        weights = np.ones(everyone[0].n_image)
        if any(_places(players) != _places(everyone[0]) for players in everyone):
            indices, sizes, weights = pieces(everyone)
            maps = [m[index] / size[:, None] for m, index, size in zip(maps, indices, sizes, strict=True)]
        return correlation(np.stack([m.ravel() for m in maps]), np.repeat(weights, everyone[0].n_text))


def _places(players: Players) -> Players:
    """Return what matters of the places of image players: nothing of what is only shown."""
    image = tuple(replace(player, label="") for player in players.image)
    return replace(players, image=image, text=(), caption="", picture=None)


def table_row(label: str, explanation: Explanation) -> dict[str, Any]:
    """Return the row of an explanation in a table of several."""
    provenance = explanation.provenance
    return {
        "label": label,
        "index": explanation.index,
        "similarity": explanation.full_value,
        "empty": explanation.empty_value,
        "unit": explanation.value_unit,
        "r2": provenance.r2,
        **{f"share_{part}": value for part, value in explanation.share().items()},
        "image_passes": provenance.image_passes,
        "text_passes": provenance.text_passes,
        "seconds": provenance.seconds,
        "status": provenance.status,
    }


def _joined(spans: Iterable[tuple[int, int] | None]) -> list[tuple[int, int]]:
    """Sort spans, and join those that overlap."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted({span for span in spans if span is not None}):
        if joined and start < joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def _effect(explanation: Explanation, words: list[int]) -> tuple[float, float, str]:
    """Sum what words add; also the variance of it and the unit. NaN without the words, and for a mere ranking."""
    if not words or explanation.unit == "relevance":
        return float("nan"), float("nan"), explanation.unit
    additive = explanation.additive()
    errors = additive.stderr[explanation.players.n_image :][words]
    return float(additive.text[words].sum()), float((errors**2).sum()), explanation.unit


def _difference(one: tuple[float, float, str], other: tuple[float, float, str]) -> dict[str, Any]:
    """Subtract the first value from the second, with the 95 % interval of the difference."""
    (first, a, unit), (second, b, other_unit) = one, other
    difference = second - first if unit == other_unit else float("nan")
    reach = NORMAL_95 * float(np.sqrt(a + b))
    return {
        "unit": unit if unit == other_unit else "",
        "first_value": first,
        "second_value": second,
        "difference": difference,
        "low": difference - reach,
        "high": difference + reach,
    }
