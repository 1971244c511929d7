"""A query: its text tower, and what it makes of the pictures of an index."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from fixlip.errors import InputError
from fixlip.fitting.surrogate import Surrogate, remarks
from fixlip.games.inputs import GameInput
from fixlip.index.schema import Facts, Row
from fixlip.index.tower import Kept, Tower, fit_tower, missed_by
from fixlip.io.images import opened
from fixlip.players.base import Player, Players, grid_players
from fixlip.players.regions import region_box
from fixlip.results.hits import Hit
from fixlip.results.provenance import Provenance, StandardErrors
from fixlip.runtime.modes import plain_torch

if TYPE_CHECKING:
    from fixlip.encoders.base import DualEncoder


@dataclass(frozen=True, eq=False)
class Query:
    """A query as its text tower sees it.

    Attributes:
        facts: of the index.
        tower: fit of the text tower on the query.
        scale, bias: of the model.
        removal: operators that removed the players of both sides.
    """

    facts: Facts
    tower: Tower
    scale: float
    bias: float
    removal: str

    @cached_property
    def coefficients(self) -> np.ndarray:
        """G_0 and G_k, [1 + words, D]."""
        return self.tower.fit.coefficients(0.0)

    @cached_property
    def deviation(self) -> float:
        """s, the standard deviation of a player."""
        return float(np.sqrt(self.facts.p * (1 - self.facts.p)))

    @cached_property
    def directions(self) -> np.ndarray:
        """[2 + words, D]; times a unit embedding: similarity, that to the empty query, contributions of words."""
        empty, whole = self.tower.ends
        rows = self.scale * np.vstack([whole, empty, self.coefficients[1:] / self.deviation])
        return np.asarray(rows, dtype=np.float32)

    @cached_property
    def missed(self) -> np.ndarray:
        """Second moments of what words together do, [D, D]."""
        return missed_by(self.tower.fit)

    @property
    def players(self) -> tuple[Player, ...]:
        """The words."""
        return self.tower.one.players

    def hit(self, row: Row) -> Hit:
        """Explain a picture of the index.

        Raises:
            InputError: its label map is damaged.
        """
        facts = self.facts
        kept, F, G = _kept(row, facts.dimension), _matrix(row["coefficients"], facts.dimension), self.coefficients
        n = len(F) - 1
        surrogate = Surrogate(n, len(G) - 1, facts.p, self.scale, self.bias, 2, False, 0.0)
        effects = surrogate.effects(surrogate.theta(F, G))
        cross = effects.second_order[:n, n:]
        stderr = self._errors(kept, surrogate)
        r2 = kept.explained(self.tower.fit, self.missed)
        whole, empty = (row[name].astype(np.float64) for name in ("embedding", "empty"))
        parts = self.directions.astype(np.float64) @ whole
        words = parts[2:]
        similarity, no_words = float(parts[0] + self.bias), float(parts[1] + self.bias)
        notes = remarks(cross, stderr and _whole(stderr, n), r2, row["passes"] - 2)
        status = [*row["notes"], *self.tower.one.notes, *notes, *row["remarks"], *self.tower.remarks]
        return Hit(
            row["id"],
            similarity,
            words,
            self._contribution_errors(whole),
            no_words,
            similarity - no_words - float(words.sum()),
            float(effects.baseline),
            effects.first_order,
            cross,
            stderr,
            self.scale * float(empty @ self.tower.ends[0]) + self.bias,
            f"FWBII(p={facts.p:g})",
            self._players(row, n),
            row["thumbnail"],
            Provenance(
                model=facts.model,
                weights=facts.weights,
                logit_scale=self.scale,
                logit_bias=self.bias,
                removal=self.removal,
                estimator="banzhaf",
                options={"p": facts.p, "interactions": "cross", "sampling": f"{row['design']}; {self.tower.described}"},
                image_passes=row["passes"],
                text_passes=self.tower.passes,
                seed=facts.seed,
                r2=r2,
                status="; ".join(status) or "ok",
                versions={name: str(value) for name, value in facts.versions.items()},
            ),
        )

    def _errors(self, kept: Kept, surrogate: Surrogate) -> StandardErrors | None:
        """Standard errors: those of the picture from what is kept, and those of the query, in quadrature."""
        G, F, s, n = self.coefficients, kept.coefficients, self.deviation, surrogate.n_image
        of_text = self.tower.fit.errors(F, 0.0)
        if of_text is None or np.isnan(kept.sizes).any():
            return None
        text = surrogate.standard_errors(surrogate.cut(self.scale * part.T) for part in of_text)
        assert text is not None
        empty = G[0] - self.facts.p / s * G[1:].sum(0)
        variances = self.scale**2 * kept.variances(np.vstack([G[1:], empty]))
        first = np.concatenate([variances[:-1, -1], variances[-1, :-1]]) / s**2
        cross = variances[:-1, :-1] / s**4
        return StandardErrors(
            float(np.hypot(text.baseline, np.sqrt(variances[-1, -1]))),
            np.hypot(text.first_order, np.sqrt(first)),
            np.hypot(text.second_order[:n, n:], np.sqrt(cross)),
        )

    def _contribution_errors(self, whole: np.ndarray) -> np.ndarray:
        errors = self.tower.fit.errors(self.scale * whole[None], 0.0)
        if errors is None:
            return np.full(len(self.players), np.nan)
        total = sum((np.square(part[1:, 0]) for part in errors), np.zeros(len(self.players)))
        return np.asarray(np.sqrt(total) / self.deviation)

    def _players(self, row: Row, n: int) -> Players:
        visible = tuple(row["visible"].tolist())
        text, caption = self.players, self.tower.one.input.text  # type: ignore[union-attr]
        if row["regions"] is None:
            grid = int(row["grid"][0]), int(row["grid"][1])
            return Players(grid_players(*grid), text, grid, caption, visible=visible)  # type: ignore[arg-type]
        labels = _labels(row["regions"], row["id"])
        if labels.max() >= n:
            raise InputError(f"The index is damaged: the label map of {row['id']!r} has more than {n} regions.")
        image = tuple(Player("image", name, region_box(labels, i)) for i, name in enumerate(row["names"]))
        return Players(image, text, None, caption, regions=labels, visible=visible)  # type: ignore[arg-type]


def make_query(
    encoder: "DualEncoder",
    facts: Facts,
    text: str,
    *,
    text_players: str = "words",
    phrases: Sequence[str] = (),
    text_masks: int | None = None,
) -> Query:
    """Encode the masks of a query, and fit the text tower as `fixlip.explain` does.

    Args:
        encoder: the model.
        facts: of the index.
        text: the query.
        text_players, phrases, text_masks: as in `fixlip.explain`.

    Raises:
        FixlipError: as `fixlip.explain`.
    """
    from fixlip.games.similarity import game_input

    with plain_torch():
        options: dict[str, Any] = {"text_players": text_players, "phrases": phrases}
        one: GameInput = game_input(encoder, "text", text, **options)
        tower = fit_tower(encoder, "text", one, facts.p, text_masks, facts.seed)
    removal = f"image {encoder.image_removal}, text {encoder.text_removal}"
    return Query(facts, tower, encoder.logit_scale, encoder.logit_bias, removal)


def _whole(stderr: StandardErrors, n: int) -> StandardErrors:
    """The errors with those of pairs in their places among all players, as `remarks` takes them."""
    size = len(stderr.first_order)
    pairs = np.zeros((size, size))
    pairs[:n, n:] = stderr.second_order
    return replace(stderr, second_order=pairs)


def _matrix(numbers: np.ndarray, columns: int) -> np.ndarray:
    return numbers.astype(np.float64).reshape(-1, columns)


def _kept(row: Row, dimension: int) -> Kept:
    basis = _matrix(row["basis"], dimension)
    square = {name: _matrix(row[name], len(basis)) for name in ("spread", "residual")}
    sizes = row["sizes"].astype(np.float64)
    F = _matrix(row["coefficients"], dimension)
    return Kept(F, basis, square["spread"], sizes, square["residual"], row["rest"], row["r2"])


def _labels(png: bytes, name: str) -> np.ndarray:
    """The label map of a row, int16; the bytes are somebody else's."""
    with opened(png) as image:
        if image.width * image.height > 1 << 24 or image.format != "PNG":
            raise InputError(f"The index is damaged: the label map of {name!r} is no small PNG.")
        return (np.asarray(image).astype(np.int32) - 1).clip(-1, 1 << 14).astype(np.int16)
