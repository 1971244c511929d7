"""Paths from a reference to an input, with the nodes of a quadrature along them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    import torch

Quadrature = Literal["gauss-legendre", "right"]


@dataclass(frozen=True, eq=False)
class Path:
    """A polyline of states, with nodes on it.

    Attributes:
        knots: [M + 1, L, width], from the reference to the input, on any device; the rest is on the CPU.
        segments: [N], the segment that each node lies on.
        places: [N], the place of each node on its segment, from 0 to 1.
        weights: [N], weights of the quadrature.
    """

    knots: torch.Tensor
    segments: torch.Tensor
    places: torch.Tensor
    weights: torch.Tensor

    def at(self, nodes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return states and velocities [B, L, width] at some nodes, and the weights of the nodes [B], float64."""
        start = self.knots[self.segments[nodes]]
        move = self.knots[self.segments[nodes] + 1] - start
        return start + self.places[nodes, None, None].to(start) * move, move, self.weights[nodes]


def straight_path(reference: torch.Tensor, state: torch.Tensor, steps: int, quadrature: Quadrature) -> Path:
    """Build the straight line from a reference to a state.

    Args:
        reference, state: [L, width], begin and end of the path.
        steps: number of nodes N.
        quadrature: "gauss-legendre", exact for polynomials of degree 2 N - 1 in the place on the path, or "right", the
            right Riemann sum, whose error falls as 1 / N.

    Example:
        >>> import torch
        >>> path = straight_path(torch.zeros(1, 1), torch.ones(1, 1), 2, "gauss-legendre")
        >>> states, velocities, weights = path.at(torch.arange(2))
        >>> round(float((weights * (3 * states**2 * velocities).ravel()).sum()), 6)
        1.0
    """
    import torch

    if quadrature == "right":
        places, weights = np.arange(1, steps + 1) / steps, np.full(steps, 1 / steps)
    else:
        nodes, weights = np.polynomial.legendre.leggauss(steps)
        places, weights = (nodes + 1) / 2, weights / 2
    segments = torch.zeros(steps, dtype=torch.long)
    return Path(torch.stack([reference, state]), segments, torch.as_tensor(places), torch.as_tensor(weights))


def discretised_path(
    reference: torch.Tensor,
    state: torch.Tensor,
    words: torch.Tensor,
    steps: int,
    quadrature: Quadrature,
    neighbours: int = 50,
) -> Path:
    """Build a path that keeps near to real words and never turns back in any dimension.

    Each step of a token goes to a word near the last word. The word is kept in the dimensions in which it lies between
    the point reached and the reference; the other dimensions move on evenly. Of the nearest words, the step takes the
    one that this changes least. The polyline of each token is then cut into `steps` segments of equal length, each with
    one node at its end ("right") or in its middle.

    Args:
        reference, state: [L, width], embeddings of tokens without those of positions.
        words: [V, width], embeddings of all words.
        steps: number of segments.
        quadrature: "right" puts the node at the end of its segment, "gauss-legendre" in its middle.
        neighbours: number of words around the last word to choose from.

    Source: Sanyal and Ren, Discretized Integrated Gradients for Explaining Language Models, EMNLP 2021, greedy search.
    Departures: the other dimensions divide the rest of the way evenly, and segments have equal length; otherwise a few
    of them are jumps, which a single node covers badly.
    """
    import torch

    moving = (reference != state).any(1)
    here, goal = state[moving], reference[moving]
    ways = [here]
    anchor, seen = here, torch.zeros(len(here), len(words), dtype=torch.bool, device=here.device)
    rows = torch.arange(len(here), device=here.device)
    for left in range(steps, 1, -1):
        distance = torch.cdist(anchor, words)
        seen |= distance == 0
        near = distance.masked_fill(seen, torch.inf).topk(min(neighbours, len(words) - 1), largest=False).indices
        near_words = words[near]  # [tokens, neighbours, width]
        between = (near_words - here[:, None]) * (goal[:, None] - near_words) >= 0
        moved = torch.where(between, near_words, (here + (goal - here) / left)[:, None])
        best = (moved - near_words).norm(dim=2).argmin(1)
        seen[rows, near[rows, best]] = True
        here, anchor = moved[rows, best], near_words[rows, best]
        ways.append(here)
    knots = reference.repeat(steps + 1, 1, 1)
    knots[:, moving] = _evenly(torch.stack([*ways, goal])).flip(0)
    places = torch.full((steps,), 1.0 if quadrature == "right" else 0.5, dtype=torch.float64)
    return Path(knots, torch.arange(steps), places, torch.ones(steps, dtype=torch.float64))


def _evenly(ways: torch.Tensor) -> torch.Tensor:
    """Put as many knots on polylines [M + 1, tokens, width], at equal distances along each."""
    import torch

    lengths = ways.diff(dim=0).norm(dim=2).T.contiguous()
    reached = torch.cat([torch.zeros_like(lengths[:, :1]), lengths.cumsum(1)], dim=1)  # [tokens, M + 1]
    wanted = torch.linspace(0, 1, len(ways), dtype=ways.dtype, device=ways.device) * reached[:, -1:]
    segment = (torch.searchsorted(reached, wanted, right=True) - 1).clamp(0, len(ways) - 2)
    place = ((wanted - reached.gather(1, segment)) / lengths.gather(1, segment).clamp_min(1e-12)).clamp(0, 1)
    token = torch.arange(ways.shape[1], device=ways.device)[:, None]
    start, end = ways[segment, token], ways[segment + 1, token]
    knots = (start + place[..., None] * (end - start)).transpose(0, 1)
    return torch.cat([ways[:1], knots[1:-1], ways[-1:]])
