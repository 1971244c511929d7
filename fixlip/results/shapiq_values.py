"""Explanations in the format of shapiq."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from fixlip.errors import InputError
from fixlip.players.base import Players
from fixlip.results.provenance import Provenance
from fixlip.results.third_order import ThirdOrder
from fixlip.runtime.threads import without_warnings

if TYPE_CHECKING:
    import shapiq

ONE_MODALITY = "interactions of three patches, or of three words, are left out"


def to_shapiq(explanation: Mapping[str, Any]) -> "shapiq.InteractionValues":
    """Convert the fields of an explanation, by name; see `Explanation.to_shapiq`."""
    import shapiq

    players, pairs, baseline = explanation["players"], explanation["second_order"], explanation["baseline"]
    n, third = len(players), explanation["third_order"]
    values: dict[tuple[int, ...], float] = {(): baseline}
    values |= {(i,): float(v) for i, v in enumerate(explanation["first_order"])}
    for i, j in zip(*np.triu_indices(n, 1), strict=True):
        if not np.isnan(pairs[i, j]):
            values[int(i), int(j)] = float(pairs[i, j])
    values |= dict(_triples(third, players.n_image)) if third else {}
    lookup = {interaction: k for k, interaction in enumerate(values)}
    with without_warnings(category=UserWarning):  # shapiq warns of index names that it does not compute itself
        return shapiq.InteractionValues(
            np.array(list(values.values())),
            index=explanation["index"],
            max_order=3 if third else 2,
            min_order=0,
            n_players=n,
            interaction_lookup=lookup,
            baseline_value=baseline,
            estimated=explanation["stderr"] is not None,
        )


def _triples(third: ThirdOrder, n_image: int) -> Iterator[tuple[tuple[int, ...], float]]:
    """Yield three players, joint indices in order, and their interaction."""
    for values, offsets in zip(third.arrays, ((0, n_image, n_image), (0, 0, n_image)), strict=False):
        for places in np.ndindex(values.shape):
            players = tuple(place + offset for place, offset in zip(places, offsets, strict=True))
            if players[0] < players[1] < players[2]:
                yield players, float(values[places])


def from_shapiq(values: "shapiq.InteractionValues", players: Players) -> dict[str, Any]:
    """Convert to the fields of an explanation, by name; see `Explanation.from_shapiq`.

    Raises:
        InputError: the values are of a higher order, or for another number of players.
    """
    if values.n_players != len(players) or values.max_order > 3:
        raise InputError(
            f"Need values of order 1 to 3 for {len(players)} players, got order {values.max_order} for "
            f"{values.n_players}."
        )
    baseline, first, second, third = effects_of(values, players.n_image, players.n_text, missing=np.nan)
    fields = {
        "baseline": baseline,
        "first_order": first,
        "second_order": second,
        "third_order": third,
        "empty_value": baseline,
        "full_value": baseline + first.sum() + 0.5 * np.nansum(second),
        "index": values.index,
        "players": players,
    }
    if third:
        fields["full_value"] += third.of_pairs().sum() / 6
        fields["provenance"] = Provenance(status=ONE_MODALITY)
    return fields


def effects_of(
    values: "shapiq.InteractionValues", n_image: int, n_text: int, *, missing: float
) -> tuple[float, np.ndarray, np.ndarray, ThirdOrder | None]:
    """Return the baseline, the first order [n], the second [n, n], and the third if there is one.

    Interactions of three players of one modality are left out.

    Args:
        values: the values.
        n_image, n_text: numbers of players, image players first.
        missing: value of pairs that are not there.
    """
    n, baseline = n_image + n_text, float(values.baseline_value)
    first, second = np.zeros(n), np.full((n, n), missing)
    np.fill_diagonal(second, 0.0)
    words, pictures = np.zeros((n_image, n_text, n_text)), np.zeros((n_image, n_image, n_text))
    for interaction, position in values.interaction_lookup.items():
        value, players = float(values.values[position]), sorted(interaction)
        if len(players) == 0:
            baseline = value
        elif len(players) == 1:
            first[players[0]] = value
        elif len(players) == 2:
            i, j = players
            second[i, j] = second[j, i] = value
        elif players[0] < n_image <= players[1]:
            i, k, m = players[0], players[1] - n_image, players[2] - n_image
            words[i, k, m] = words[i, m, k] = value
        elif players[1] < n_image <= players[2]:
            i, j, k = players[0], players[1], players[2] - n_image
            pictures[i, j, k] = pictures[j, i, k] = value
    return baseline, first, second, ThirdOrder(words, pictures) if values.max_order == 3 else None
