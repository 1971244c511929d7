"""An index that is open: search, and what is in it."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fixlip.api.load import encoder_for, load_model
from fixlip.arguments import in_order, whole_number
from fixlip.encoders.names import bundled_models, open_clip_models
from fixlip.errors import InputError, OptionError
from fixlip.index.build import Changes
from fixlip.index.query import Query, make_query
from fixlip.index.schema import Facts
from fixlip.index.store import EXACT_UP_TO, Store
from fixlip.players.base import Players
from fixlip.results.hits import Hits

if TYPE_CHECKING:
    from fixlip.encoders.base import DualEncoder

CANDIDATES = 20  # times as many pictures as are asked for are compared, of those that the vector index proposes
QUERIES = 32  # that are remembered


class Index:
    """Pictures that were explained once, for every query; `fixlip.open_index` opens one.

    Args:
        store: the table.
        model: an encoder, a name, or None for the model that the index names.
        removal: the operator that removes words, as in `fixlip.explain`.
        device: for a model that is loaded by name.
    """

    def __init__(
        self,
        store: Store,
        model: "str | DualEncoder | None" = None,
        removal: Mapping[str, str] | None = None,
        device: str | None = None,
    ) -> None:
        self.store, self._model, self._removal, self._device = store, model, dict(removal or {}), device
        self._vectors: list[tuple[np.ndarray, np.ndarray]] | None = None
        self._queries: dict[Any, Query] = {}
        self.changes: Changes | None = None

    @property
    def facts(self) -> Facts:
        """The facts that all pictures share: model, removal, p, masks, seed and versions."""
        return self.store.facts

    def __len__(self) -> int:
        """Number of rows, those of pictures that cannot be read included."""
        return len(self.store)

    def __repr__(self) -> str:
        return f"Index({str(self.store.folder)!r}: {len(self)} pictures, {self.facts.model}, p={self.facts.p:g})"

    def size(self) -> int:
        """Number of bytes on disk."""
        return sum(path.stat().st_size for path in self.store.folder.rglob("*") if path.is_file())

    def errors(self) -> dict[str, str]:
        """Return what is wrong with the pictures that cannot be read, by their names."""
        return self.store.errors()

    @cached_property
    def encoder(self) -> "DualEncoder":
        """The model of the index.

        Raises:
            OptionError: the index names a model that is neither bundled nor one of open_clip, so that it must be given;
                or the model given has other weights.
        """
        facts, model = self.facts, self._model
        if model is None:
            if facts.model not in (*bundled_models(), *open_clip_models()):
                raise OptionError(f"The index was built with {facts.model!r}; give that model: model= or --model.")
            model = facts.model
        if isinstance(model, str) and self._device is not None:
            model = load_model(model, device=self._device)
        encoder = encoder_for(model, {"image": facts.removal} | self._removal)
        if encoder.weights != facts.weights or str(encoder.image_removal) != facts.removal:
            raise OptionError(
                f"The index was built with {facts.model}, image removal {facts.removal}; this is {encoder.name} "
                f"{'with other weights' if encoder.name == facts.model else ''}".rstrip()
                + ". Give the model that built it."
            )
        return encoder

    def search(self, text: str, k: int = 12, **options: Any) -> Hits:
        """Find the pictures that are most similar to a text, and explain each of them, without an image pass.

        Args:
            text: the query.
            k: number of pictures.
            options: `text_players`, `phrases` and `text_masks` as in `fixlip.explain`; `exact`: whether all pictures
                are compared, True up to 100,000 when None, else those that the vector index proposes.

        Raises:
            FixlipError: a query that `fixlip.explain` refuses, an index without pictures, or one that is damaged.
        """
        return self.search_many([text], k, **options)[0]

    def search_many(
        self, texts: Iterable[str], k: int = 12, *, exact: bool | None = None, **options: Any
    ) -> list[Hits]:
        """Search for several texts, which go over the pictures together; equal ones are encoded once. See `search`."""
        k = whole_number("k", k, least=1)
        queries = [self._query(text, options) for text in in_order("texts", texts)]
        if self.store.renewed():
            self._vectors = None
        exact = len(self) <= EXACT_UP_TO if exact is None else exact
        return [
            self._found(query, best, exact) for query, best in zip(queries, self._best(queries, k, exact), strict=True)
        ]

    def recall(self, texts: Iterable[str], k: int = 12, **options: Any) -> float:
        """Measure how many of the exact k best pictures the vector index finds: a share, the mean over texts."""
        listed = in_order("texts", texts)
        both = [self.search_many(listed, k, exact=exact, **options) for exact in (True, False)]
        pairs = zip(*both, strict=True)
        return float(np.mean([len({h.name for h in a} & {h.name for h in b}) / len(a) for a, b in pairs]))

    def _query(self, text: str, options: dict[str, Any]) -> Query:
        key = (text, repr(sorted(options.items())))
        if key not in self._queries:
            if len(self._queries) >= QUERIES:
                self._queries.pop(next(iter(self._queries)))
            self._queries[key] = make_query(self.encoder, self.facts, text, **options)
        return self._queries[key]

    def _best(self, queries: Sequence[Query], k: int, exact: bool) -> list["_Best"]:
        best = [_Best(k, len(query.players)) for query in queries]
        if exact:
            for places, vectors in self._blocks():
                numbers = vectors.astype(np.float32)
                for one, query in zip(best, queries, strict=True):
                    one.add(places, numbers @ query.directions.T)
        else:
            for one, query in zip(best, queries, strict=True):
                places, vectors = self.store.nearest(query.directions[0], CANDIDATES * k)
                one.add(places, vectors.astype(np.float32) @ query.directions.T)
        return best

    def _blocks(self) -> Iterable[tuple[np.ndarray, np.ndarray]]:
        """The embeddings, which are read once where they are few."""
        if len(self) > EXACT_UP_TO:
            return self.store.vectors()
        if self._vectors is None:
            self._vectors = list(self.store.vectors())
        return self._vectors

    def _found(self, query: Query, best: "_Best", exact: bool) -> Hits:
        if not best.compared:
            raise InputError(f"There is no picture in the index {str(self.store.folder)!r}.")
        rows = self.store.rows(int(place) for place in (*best.places, *best.failing) if place >= 0)
        made = {place: query.hit(row) for place, row in rows.items()}
        players = Players((), query.players, caption=query.tower.one.input.text)  # type: ignore[union-attr]
        hits = tuple(made[place] for place in best.places)
        failures = tuple(made.get(place) for place in best.failing)
        notes = (*query.tower.one.notes, *query.tower.remarks)
        return Hits(players.caption, players, hits, failures, best.compared, exact, notes)


class _Best:
    """The most similar pictures so far, and for each word the most similar one in which it fails."""

    def __init__(self, k: int, words: int) -> None:
        self.k, self.compared = k, 0
        self.places, self.similarity = np.zeros(0, dtype=int), np.zeros(0)
        self.failing, self.failing_similarity = np.full(words, -1), np.full(words, -np.inf)

    def add(self, places: np.ndarray, parts: np.ndarray) -> None:
        """Compare further pictures: their places [B], and their parts [B, 2 + words] as in `Query.directions`."""
        self.compared += len(places)
        similarity = np.concatenate([self.similarity, parts[:, 0]])
        together = np.concatenate([self.places, places])
        order = np.argsort(-similarity, kind="stable")[: self.k]
        self.places, self.similarity = together[order], similarity[order]
        for word, contributions in enumerate(parts[:, 2:].T):
            fails = np.flatnonzero(contributions < 0)
            if len(fails):
                first = fails[parts[fails, 0].argmax()]
                if parts[first, 0] > self.failing_similarity[word]:
                    self.failing[word], self.failing_similarity[word] = places[first], parts[first, 0]


def open_index(
    folder: str | Path,
    *,
    model: "str | DualEncoder | None" = None,
    removal: Mapping[str, str] | None = None,
    device: str | None = None,
) -> Index:
    """Open an index.

    An index is somebody else's file: it is checked, nothing in it is run, and no path in it is opened. The model that
    it names is loaded at the first search, if it is a bundled one or one of open_clip; another one must be given.

    Args:
        folder: of the index.
        model: what `fixlip.load_model` returns, or a name for it; the model that the index names when None.
        removal: how words of queries are removed: ``{"text": "delete"}``; the model's default when None.
        device: for a model that is loaded by name, as in `fixlip.load_model`.

    Raises:
        InputError: there is no index, or it is damaged.
        OptionError: `removal` is not one of words.
        MissingExtraError: the extra ``fixlip[index]`` is not installed.
    """
    if removal is not None and set(removal) - {"text"}:
        raise OptionError(
            "The pictures of an index were explained with one removal; removal is like {'text': 'delete'}."
        )
    return Index(Store.open(folder), model, removal, device)
