"""Pictures that a search found, and what each word of the query contributed to each of them.

The contribution of a word to a picture is its weighted Banzhaf value in the query, given the picture as a whole: how
much the similarity rises when the word joins, averaged over the other words being there or not. It has no sampling
error where all masks of the query are encoded. With `no_words`, the similarity of the picture to a query without its
words, and `together`, what words do together beyond the average, the contributions add up to the similarity.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fixlip.errors import InputError
from fixlip.io.images import open_image, opened
from fixlip.players.base import Box, Players
from fixlip.results.explanation import Explanation
from fixlip.results.presentation import Presented
from fixlip.results.provenance import Provenance, StandardErrors
from fixlip.results.summary import CARRIES, MATTERS, MOST_NAMED, NORMAL_95, listed
from fixlip.results.tables import Tabular, frame, signed

if TYPE_CHECKING:
    import pandas

NO_WORDS, TOGETHER = "no words", "words together"
PIXELS = 1 << 20  # of a thumbnail


class Gap(NamedTuple):
    """The contribution of one part of the query to two similarities, and their difference."""

    part: str
    first: float
    second: float
    difference: float

    def __repr__(self) -> str:
        return f"Gap({self.part}: {signed(self.difference)})"


@dataclass(frozen=True, eq=False)
class Hit:
    """A picture, its similarity to the query (logit), and why.

    Attributes:
        name: name of the picture in the index.
        similarity: of the whole picture and the whole query.
        contributions: [words], see `fixlip.results.hits`.
        contribution_errors: [words], their standard errors; 0 where all masks of the query were encoded.
        no_words, together: the rest of the similarity.
        baseline, first_order: as in `fixlip.Explanation`, [n].
        cross: interactions of image players and words, [n_image, words].
        stderr: standard errors of baseline, first order and `cross` (in the place of the second order); None without.
        empty_value: the similarity of the empty picture and the empty query.
        index: the interaction index.
        players: image players and words, without the picture.
        thumbnail: the picture as the model sees it, the bytes of a file.
        provenance: how the numbers were made.
    """

    name: str
    similarity: float
    contributions: np.ndarray
    contribution_errors: np.ndarray
    no_words: float
    together: float
    baseline: float
    first_order: np.ndarray
    cross: np.ndarray
    stderr: StandardErrors | None
    empty_value: float
    index: str
    players: Players
    thumbnail: bytes
    provenance: Provenance

    def __repr__(self) -> str:
        pairs = zip(self.players.text, self.contributions, strict=True)
        words = ", ".join(f"{word.label} {signed(value)}" for word, value in pairs)
        return f"Hit({self.name!r} {self.similarity:.2f}: {words})"

    @cached_property
    def picture(self) -> np.ndarray:
        """The part of the picture that the model sees, uint8 [height, width, 3].

        Raises:
            InputError: the thumbnail is damaged, or has too many pixels.
        """
        with opened(self.thumbnail) as image:
            if image.width * image.height > PIXELS:
                raise InputError(f"The thumbnail of {self.name!r} has {image.width} x {image.height} pixels.")
        return np.asarray(open_image(self.thumbnail))

    def explanation(self) -> Explanation:
        """Return the explanation of the picture and the query, with the pairs of image players and words.

        Raises:
            InputError: the thumbnail is damaged.
        """
        stderr = self.stderr
        if stderr is not None:
            stderr = replace(stderr, second_order=self._pairs(stderr.second_order))
        return Explanation(
            self.baseline,
            self.first_order,
            self._pairs(self.cross),
            self.empty_value,
            self.similarity,
            self.index,
            replace(self.players, picture=self.picture),
            stderr,
            "logit",
            self.provenance,
        )

    def contribution(self, word: Any) -> float:
        """Return the contribution of a word, or of several in total; `word` as in `Players.find_text`."""
        return float(self.contributions[self.players.find_text(word)].sum())

    def share_in(self, word: Any, box: Box) -> float:
        """Return the share of the positive interactions of a word that falls in a box; NaN where none is positive.

        Args:
            word: as in `Players.find_text`.
            box: left, top, right, bottom in shares (0..1) of the picture that the model sees.
        """
        values = np.maximum(self.cross[:, self.players.find_text(word)].sum(1), 0.0)
        return float(values @ _inside(self.players, box) / values.sum()) if values.any() else float("nan")

    def _pairs(self, cross: np.ndarray) -> np.ndarray:
        n, size = len(cross), sum(cross.shape)
        pairs = np.full((size, size), np.nan)
        np.fill_diagonal(pairs, 0.0)
        pairs[:n, n:], pairs[n:, :n] = cross, cross.T
        return pairs


@dataclass(frozen=True, eq=False)
class Hits(Presented, Tabular, Sequence[Hit]):
    """The pictures that a search found, the most similar first.

    Attributes:
        query: the words, as typed.
        players: the words as players.
        hits: the pictures.
        failures: for each word the most similar picture of the index to which it contributes less than nothing; None
            where there is none.
        searched: number of pictures that were compared.
        exact: whether these were all of the index, and not those that its vector index proposed.
        notes: what to know about the query.
    """

    query: str
    players: Players
    hits: tuple[Hit, ...]
    failures: tuple[Hit | None, ...]
    searched: int
    exact: bool = True
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.hits)

    def __getitem__(self, index: Any) -> Any:
        return self.hits[index]

    def __iter__(self) -> Iterator[Hit]:
        return iter(self.hits)

    def __repr__(self) -> str:
        first = ", ".join(f"{hit.name} {hit.similarity:.2f}" for hit in self.hits[:3])
        more = ", ..." if len(self) > 3 else ""
        return f"Hits({self.query!r}, {len(self)} of {self.searched} pictures: {first}{more})"

    @cached_property
    def words(self) -> tuple[str, ...]:
        """The words as headings, all different: a word that comes again has its number."""
        labels = [player.label for player in self.players.text]
        times = [labels[: k + 1].count(label) for k, label in enumerate(labels)]
        return tuple(label if n == 1 else f"{label} ({n})" for label, n in zip(labels, times, strict=True))

    def summary(self) -> str:
        """Say which words carry the hits, which one lowers the similarity most often, and whether the hits fit at all.

        A word carries the hits if it raises the similarity in most of them, on average by at least a quarter of what
        the strongest word does. A hit that is no more similar than an empty picture and an empty query may not fit; if
        none is, no word carries them.
        """
        n, said = len(self), f"{len(self)} {'hit' if len(self) == 1 else 'hits'} among {self.searched:,} pictures"
        if not self.hits:
            return f"No hit among {self.searched:,} pictures."
        fit = sum(hit.similarity > hit.empty_value for hit in self.hits)
        if not fit:
            which = "it does not score" if n == 1 else "none of them scores"
            return f"{said}; {which} above an empty picture and an empty query, so perhaps nothing here fits."
        gains = np.array([hit.contributions for hit in self.hits])
        mean, helps, fails = gains.mean(0), (gains > 0).sum(0), (gains < 0).sum(0)
        order = [k for k in np.argsort(-mean, kind="stable") if helps[k] > n / 2 and mean[k] >= CARRIES * mean.max()]
        carrying = [f"“{self.words[k]}”" + f" (in {helps[k]})" * bool(helps[k] < n) for k in order[:MOST_NAMED]]
        if carrying:
            said += f"; {listed(carrying)} {'carries' if len(carrying) == 1 else 'carry'} {'it' if n == 1 else 'them'}"
        said += "."
        against = int(np.argmin(mean))
        if fails[against] > n / 2 and -mean[against] > CARRIES * np.abs(mean).max():
            said += f" “{self.words[against]}” lowers the similarity in {fails[against]} of {n}."
        if fit < n:
            only = f"Only {fit} of {n} {'scores' if fit == 1 else 'score'}"
            said += f" {only} above an empty picture and an empty query; perhaps the others do not fit."
        return said

    def speaking_against(self) -> list[tuple[str, float, Hit]]:
        """Return the words that speak against their picture of `failures`, by how much and which; the strongest first.

        A word speaks against a picture if it lowers the similarity by at least a tenth of what the strongest word of
        the query adds to the hits, and by more than its error leaves open.
        """
        strongest = max((float(np.abs(hit.contributions).max()) for hit in self.hits), default=0.0)
        found = [
            (self.words[k], float(hit.contributions[k]), hit)
            for k, hit in enumerate(self.failures)
            if hit and -hit.contributions[k] > max(MATTERS * strongest, NORMAL_95 * hit.contribution_errors[k])
        ]
        return sorted(found, key=lambda one: one[1])

    def table(self) -> list[dict[str, Any]]:
        """Return a row for each hit: its name, its similarity, what each word contributed and the rest, and R2."""
        return [
            {"picture": hit.name, "similarity": hit.similarity}
            | dict(zip(self.words, hit.contributions.tolist(), strict=True))
            | {NO_WORDS: hit.no_words, TOGETHER: hit.together, "r2": hit.provenance.r2}
            for hit in self.hits
        ]

    def to_pandas(self) -> "pandas.DataFrame":
        """Return `table` as a table of pandas.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        return frame(self.table())

    def sorted_by(self, word: Any) -> "Hits":
        """Return the hits with those first to which a word contributes most; `word` as in `Players.find_text`."""
        return replace(self, hits=tuple(sorted(self.hits, key=lambda hit: -hit.contribution(word))))

    def above(self, first: int | Hit, second: int | Hit) -> tuple[Gap, ...]:
        """Break down why one hit is above another: a row for each word, and two for the rest.

        Args:
            first, second: hits, or their places from 0 on.

        Returns:
            Rows whose `difference` adds up to the difference of the two similarities.
        """
        parts = [
            [*hit.contributions.tolist(), hit.no_words, hit.together]
            for hit in (self.hits[one] if isinstance(one, int) else one for one in (first, second))
        ]
        labels = (*self.words, NO_WORDS, TOGETHER)
        return tuple(Gap(label, a, b, a - b) for label, a, b in zip(labels, *parts, strict=True))

    def where(self, word: Any, box: Box, inside: bool = True) -> "Hits":
        """Return the hits in which a word lies in a box, or outside of it.

        A word lies where most of its positive interactions are; see `Hit.share_in` for `word` and `box`.

        Raises:
            InputError: a box without area, or a word that is not in the query.
        """
        shares = [hit.share_in(word, box) for hit in self.hits]
        kept = [share > 0.5 if inside else share <= 0.5 for share in shares]
        return replace(self, hits=tuple(hit for hit, stays in zip(self.hits, kept, strict=True) if stays))

    def failing(self, word: Any) -> Hit | None:
        """Return the most similar picture of the index in which a word contributes less than nothing, if there is one.

        Args:
            word: as in `Players.find_text`; of several the most similar picture in which one of them fails.
        """
        found = [hit for hit in (self.failures[k] for k in self.players.find_text(word)) if hit is not None]
        return max(found, key=lambda hit: hit.similarity, default=None)


def _inside(players: Players, box: Box) -> np.ndarray:
    """The part of each image player that lies in a box, [n_image]; of a label map by the centres of its pixels."""
    left, top, right, bottom = map(float, box)
    if not (left < right and top < bottom):
        raise InputError(f"A box is left, top, right, bottom in shares of the picture, got {tuple(box)}.")
    if players.regions is not None:
        labels = players.regions
        x, y = ((np.arange(side) + 0.5) / side for side in labels.shape[::-1])
        within = ((y > top) & (y < bottom))[:, None] & ((x > left) & (x < right))
        size, part = (np.bincount(one[one >= 0], minlength=players.n_image) for one in (labels, labels[within]))
        return np.asarray(part / np.maximum(size, 1))
    places = np.array([player.box for player in players.image], dtype=float)
    across = np.minimum(places[:, 2], right) - np.maximum(places[:, 0], left)
    down = np.minimum(places[:, 3], bottom) - np.maximum(places[:, 1], top)
    area = (places[:, 2] - places[:, 0]) * (places[:, 3] - places[:, 1])
    return np.asarray(np.maximum(across, 0) * np.maximum(down, 0) / area)
