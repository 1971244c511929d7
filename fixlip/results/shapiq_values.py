"""Explanations in the format of shapiq."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from fixlip.errors import InputError
from fixlip.players.base import Players
from fixlip.runtime.threads import without_warnings

if TYPE_CHECKING:
    import shapiq


def to_shapiq(explanation: Mapping[str, Any]) -> "shapiq.InteractionValues":
    """Convert the fields of an explanation, by name; see `Explanation.to_shapiq`."""
    import shapiq

    n, pairs, baseline = len(explanation["players"]), explanation["second_order"], explanation["baseline"]
    values: dict[tuple[int, ...], float] = {(): baseline}
    values |= {(i,): float(v) for i, v in enumerate(explanation["first_order"])}
    for i, j in zip(*np.triu_indices(n, 1), strict=True):
        if not np.isnan(pairs[i, j]):
            values[int(i), int(j)] = float(pairs[i, j])
    lookup = {interaction: k for k, interaction in enumerate(values)}
    with without_warnings(category=UserWarning):  # shapiq warns of index names that it does not compute itself
        return shapiq.InteractionValues(
            np.array(list(values.values())),
            index=explanation["index"],
            max_order=2,
            min_order=0,
            n_players=n,
            interaction_lookup=lookup,
            baseline_value=baseline,
            estimated=explanation["stderr"] is not None,
        )


def from_shapiq(values: "shapiq.InteractionValues", players: Players) -> dict[str, Any]:
    """Convert to the fields of an explanation, by name; see `Explanation.from_shapiq`.

    Raises:
        InputError: the values are of a higher order, or for another number of players.
    """
    n = len(players)
    if values.n_players != n or values.max_order > 2:
        raise InputError(
            f"Need values of order 1 or 2 for {n} players, got order {values.max_order} for {values.n_players}."
        )
    first, second = np.zeros(n), np.full((n, n), np.nan)
    np.fill_diagonal(second, 0.0)
    baseline = float(values.baseline_value)
    for interaction, position in values.interaction_lookup.items():
        value = float(values.values[position])
        if len(interaction) == 0:
            baseline = value
        elif len(interaction) == 1:
            first[interaction[0]] = value
        else:
            i, j = interaction
            second[i, j] = second[j, i] = value
    return {
        "baseline": baseline,
        "first_order": first,
        "second_order": second,
        "empty_value": baseline,
        "full_value": baseline + first.sum() + 0.5 * np.nansum(second),
        "index": values.index,
        "players": players,
    }
