"""Integrated-gradient interactions (exCLIP)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple

import numpy as np

from fixlip.errors import InputError, OptionError
from fixlip.estimator import Capabilities, Estimator
from fixlip.fitting.numerics import finite
from fixlip.games.base import TowerLayers
from fixlip.games.counted import CountedGame
from fixlip.gradients.attention import plain_attention
from fixlip.gradients.integration_paths import Path, discretised_path, straight_path
from fixlip.request import Request
from fixlip.results.explanation import Explanation
from fixlip.runtime.memory import in_parts
from fixlip.runtime.threads import without_warnings

if TYPE_CHECKING:
    import torch

_one_at_a_time = Lock()  # torch knows one level of forward derivatives, for all threads together

MEMORY = 2**29  # bytes of the graphs that are held at once
TENSORS = 20  # tensors of the size of a state that a block leaves in a graph, about
CLOSED = 0.05  # completeness gap above which the status has a remark
HELD = 0.1  # share of the interactions between players below which the status has a remark
MOST_STEPS = 4096


class TowerPath(NamedTuple):
    """One tower with a path from a reference to its input.

    Attributes:
        side: "image" or "text".
        layers, layer: the layers of the tower, and the number of the layer that the path is in.
        path: from the state of the reference to that of the input.
        groups: [players + 1, L], the tokens of each player, and last the tokens of no player.
        ends: [2, D], features of the reference and of the input, float64, on the CPU.
        chunk: numbers of states to work on at once, of which the last counts; smaller ones follow where memory runs
            out.
    """

    side: str
    layers: TowerLayers
    layer: int
    path: Path
    groups: torch.Tensor
    ends: torch.Tensor
    chunk: list[int]

    def batches(self, n: int, work: Callable[[torch.Tensor], torch.Tensor]) -> Iterator[torch.Tensor]:
        """Yield `work` on the numbers 0 to n - 1, in parts."""
        import torch

        every = torch.arange(n)
        return in_parts(lambda rows: work(every[rows]), n, lambda: self.chunk[-1], self.chunk.append)


@dataclass(frozen=True)
class IntegratedGradients(Estimator):
    """Integrated-gradient interactions: the mixed derivative of the similarity, integrated from references to inputs.

    With features f of the image tower and g of the text tower, as functions of the states a and b that enter a block of
    each, with references ra and rb, and J and K the Jacobians averaged on the paths from reference to input,

    ``<f(a) - f(ra), g(b) - g(rb)> = sum_ij A_ij``,  ``A_ij = (a - ra)_i J^T K (b - rb)_j``

    for tokens i and j. The first order and the baseline are the other parts of the same decomposition: tokens of the
    picture against g(rb), tokens of the caption against f(ra), and <f(ra), g(rb)>. All is divided by the norms of f(a)
    and g(b) and multiplied by the logit scale, so that the value of the full mask is the model's own score, up to the
    completeness gap of the quadrature. A player takes the sum over its tokens.

    Options:
        image_layer, text_layer: the block whose input is taken: an index (negative from the end; the number of blocks
            for the place before the head), or a fraction of the depth, as a float from 0.0 to 1.0.
        steps: nodes on the path.
        quadrature: "gauss-legendre", or "right", the right Riemann sum as published.
        image_reference: "zeros" (the mean colour of the training data), "blur", or the path of a picture.
        text_reference: "pad" (padding in the place of each token of the caption), or a caption.
        normalisation: "fixed", by the norms of f(a) and g(b); "shifted", which explains the cosine of f(a) - f(ra) and
            g(b) - g(rb), of which there are no first order and no baseline but the class tokens', and which is not the
            model's score.
        path: "straight"; or "discretised" for a path of the caption through its embedding that keeps near to real
            words (text_layer 0), with one node on each of its segments.
        class_token: what becomes of tokens that are no player (class token, begin, end, padding). "main": they are
            always there, so what they do together with a player is its first order. "distribute": their share goes to
            the players of their modality, in proportion to the absolute values of what these have there already.

    Error: no sampling error. `details` has the completeness gap: the difference of the two sides of the identity above,
    relative to the left one; and what part of the sum belongs to the players, to the tokens of each modality that are
    no player, and to both of these.

    Cost: ``steps * (text players + 1)`` forward-mode derivatives of the text tower, ``steps`` forward and
    ``steps * (text players + 2)`` backward passes of the image tower (one fewer where shifted), from the layer on; and
    4 passes of each for the ends. No Jacobian is built.

    Source: Moeller et al., Explaining Caption-Image Interactions in CLIP Models with Second-Order Attributions, TMLR
    2025; published: last block, 10 steps, "right". Shifted embeddings as in the copy used in Baniecki et al., NeurIPS
    2025, with 20 steps. Departures: the same numbers from directional derivatives; the reference is read at the input's
    own end of the text.

    Example:
        >>> IntegratedGradients(steps=10, quadrature="right").passes(49, 8, Request())
        (114, 94)
    """

    image_layer: int | float = -1
    text_layer: int | float = -1
    steps: int = 32
    quadrature: Literal["gauss-legendre", "right"] = "gauss-legendre"
    image_reference: str = "zeros"
    text_reference: str = "pad"
    normalisation: Literal["fixed", "shifted"] = "fixed"
    path: Literal["straight", "discretised"] = "straight"
    class_token: Literal["main", "distribute"] = "main"

    capabilities: ClassVar[Capabilities] = Capabilities(
        name="integrated-gradients",
        summary="mixed derivative of the similarity, integrated from references (exCLIP)",
        index=("IG",),
        orders=(1, 2),
        cross=True,
        gradients=True,
        separable=True,
        cost="steps x (text players + 3) image, steps x (text players + 1) text, forward and backward",
        source="Moeller et al., TMLR 2025",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.steps < 1:
            raise OptionError(f"steps must be at least 1, got {self.steps}.")
        if self.steps > MOST_STEPS:
            raise OptionError(f"steps must be at most {MOST_STEPS}, got {self.steps}.")
        if self.path == "discretised" and self.text_layer != 0:
            raise OptionError(f"A discretised path leads through words: it needs text_layer=0, got {self.text_layer}.")
        for layer in (self.image_layer, self.text_layer):
            place_of(layer, 1_000_000)

    def passes(self, n_image: int, n_text: int, request: Request) -> tuple[int, int]:
        """Count the passes; see `Estimator.passes`."""
        cotangents = n_text + 1 + (self.normalisation == "fixed")
        return self.steps * (1 + cotangents) + 4, self.steps * (n_text + 1) + 4

    def estimate(self, game: CountedGame, request: Request) -> Explanation:
        """Explain the game; see `Estimator.explain`."""
        import torch

        n, m = game.n_image, game.n_text
        image, text = self._tower(game, "image", n), self._tower(game, "text", m)
        fixed = self.normalisation == "fixed"
        norms = [(t.ends[1] if fixed else t.ends[1] - t.ends[0]).norm() for t in (image, text)]
        for side, norm in zip(("image", "text"), norms, strict=True):
            if not norm > 0:
                what = "is 0" if fixed else "of the input and of the reference are the same"
                raise InputError(f"The {side} embedding {what}, which points nowhere: there is no cosine to explain.")
        along = directional_derivatives(text, game)
        finite(along.numpy(), "the derivatives of the text tower")
        cotangents = along / norms[0] / norms[1] * game.scale
        if fixed:
            cotangents = torch.cat([cotangents, text.ends[:1] / norms[0] / norms[1] * game.scale])
        table = torch.zeros(n + 2, m + 2, dtype=torch.float64)  # players, tokens of no player, the reference
        table[: n + 1, : len(cotangents)] = contributions(image, cotangents, game).T
        if fixed:
            table[n + 1] = cotangents @ image.ends[0]
        cross = table[: n + 1, : m + 1].numpy().copy()
        moved = [t.ends[1] - t.ends[0] for t in (image, text)]
        truth = game.scale * float(moved[0] @ moved[1] / norms[0] / norms[1])
        gap = abs(cross.sum() - truth) / max(abs(truth), 1e-12)
        assigned = assign(assign(table.numpy(), self.class_token).T, self.class_token).T
        second = np.full((n + m, n + m), np.nan)
        np.fill_diagonal(second, 0.0)
        second[:n, n:] = assigned[:n, :m]
        second[n:, :n] = assigned[:n, :m].T
        parts = shares(cross)
        remarks = []
        if gap > CLOSED:
            remarks.append(f"the interactions miss {gap:.0%} of what they should add up to; take more steps")
        if abs(parts["players_share"]) < HELD:
            remarks.append(
                f"pairs of a patch and a word hold {parts['players_share']:.1%} of the interactions, tokens that are "
                "no player the rest: they have gathered it before this layer; take earlier ones (text_layer=0, say)"
            )
        return game.explanation(
            assigned[n, m] + game.bias,
            np.concatenate([assigned[:n, m], assigned[n, :m]]),
            second,
            index="IG",
            remarks=remarks,
            options={"image_layer": image.layer, "text_layer": text.layer},
            details={"completeness_gap": float(gap)} | parts,
        )

    def _tower(self, game: CountedGame, side: Literal["image", "text"], n: int) -> TowerPath:
        import torch

        layers: TowerLayers = game.layers(side)
        layer = place_of(self.image_layer if side == "image" else self.text_layer, layers.depth)
        reference = self.image_reference if side == "image" else self.text_reference
        ends = torch.stack([layers.state(layer, reference), layers.state(layer)])
        if ends.dtype == torch.float16:
            raise InputError("Integrated gradients overflow in float16; load the model in float32 or bfloat16.")
        if torch.equal(ends[0], ends[1]):
            raise InputError(f"The {side} reference is the input itself; choose another one.")
        with torch.no_grad():
            features = layers.features(ends, layer).cpu().double()
        finite(features.numpy(), f"the {side} embeddings of the input or of its reference")
        game.count(**{side: 2})
        owners = torch.as_tensor(layers.owners(layer), device=ends.device)
        groups = torch.arange(n + 1, device=ends.device)[:, None] == torch.where(owners < 0, n, owners)
        size = ends[0].numel() * ends.element_size() * TENSORS * (layers.depth - layer + 1)
        chunk = max(1, min(game.batch_size, MEMORY // size))
        precise = ends.to(torch.promote_types(ends.dtype, torch.float32))
        if side == "text" and self.path == "discretised":
            path = self._discretised(layers, precise)
        else:
            path = straight_path(precise[0], precise[1], self.steps, self.quadrature)
        return TowerPath(side, layers, layer, path, groups, features, [chunk])

    def _discretised(self, layers: Any, ends: torch.Tensor) -> Path:
        words, places = (t.to(ends) for t in layers.words())
        path = discretised_path(ends[0] - places, ends[1] - places, words, self.steps, self.quadrature)
        return Path(path.knots + places, path.segments, path.places, path.weights)


def place_of(layer: int | float, depth: int) -> int:
    """Find a layer by index, negative from the end, or by fraction of the depth.

    Example:
        >>> place_of(-1, 12), place_of(3, 12), place_of(0.5, 12), place_of(1.0, 12)
        (11, 3, 6, 12)
    """
    if isinstance(layer, float) and 0.0 <= layer <= 1.0:
        return round(layer * depth)
    if isinstance(layer, int) and not isinstance(layer, bool) and -depth <= layer <= depth:
        return layer % depth if layer < depth else depth
    raise OptionError(f"A layer is an index of -{depth} to {depth} or a fraction of 0.0 to 1.0, got {layer!r}.")


def directional_derivatives(tower: TowerPath, game: CountedGame) -> torch.Tensor:
    """Integrate the derivatives of the features along the moves of each player's tokens: [players + 1, D], float64."""
    import torch
    from torch.autograd import forward_ad

    players, dtype = len(tower.groups), tower.layers.state(tower.layer).dtype
    total = torch.zeros(players, tower.ends.shape[1], dtype=torch.float64)

    def derive(batch: torch.Tensor) -> torch.Tensor:
        who = batch % players
        states, velocities, weights = tower.path.at(batch // players)
        tangents = velocities * tower.groups[who][..., None]
        calls.clear()
        with _one_at_a_time, forward_ad.dual_level():
            dual = forward_ad.make_dual(states.to(dtype), tangents.to(dtype))
            derivative = forward_ad.unpack_dual(tower.layers.features(dual, tower.layer)).tangent
        calls.clear()
        moved = torch.zeros_like(total).index_add_(0, who, weights[:, None] * derivative.cpu().double())
        game.count(**{tower.side: len(batch)})
        return moved

    jit = r".*torch\.jit"  # a warning of torch's own, where it loads forward derivatives
    with torch.no_grad(), plain_attention() as calls, without_warnings(jit):
        for part in tower.batches(players * len(tower.path.weights), derive):
            total += part
    return total


def contributions(tower: TowerPath, cotangents: torch.Tensor, game: CountedGame) -> torch.Tensor:
    """Compute what each player's tokens add to the product of features and cotangents: [C, players + 1], float64."""
    import torch

    dtype = tower.layers.state(tower.layer).dtype
    total = torch.zeros(len(cotangents), tower.groups.shape[1], dtype=torch.float64)

    def pull(batch: torch.Tensor) -> torch.Tensor:
        states, velocities, weights = tower.path.at(batch)
        leaves, pulled = states.to(dtype).requires_grad_(), []
        with torch.enable_grad():
            features = tower.layers.features(leaves, tower.layer)
        for c, cotangent in enumerate(cotangents.to(features.dtype).to(features.device)):
            (gradient,) = torch.autograd.grad(
                features, leaves, cotangent.expand_as(features), retain_graph=c + 1 < len(cotangents)
            )
            pulled.append(weights @ (gradient.to(velocities.dtype) * velocities).sum(-1).cpu().double())
        game.count(**{tower.side: len(batch) * (1 + len(cotangents))})
        return torch.stack(pulled)

    for part in tower.batches(len(tower.path.weights), pull):
        total += part
    return total @ tower.groups.cpu().double().T


def assign(table: np.ndarray, how: str) -> np.ndarray:
    """Add the last row but one, of the tokens of no player, to the last row, or share it out over the rows before."""
    players, rest, reference = table[:-2], table[-2], table[-1]
    if how == "main":
        return np.concatenate([players, [rest + reference]])
    size = np.abs(players)
    whole = size.sum(0)
    part = np.where(whole > 0, size / np.where(whole > 0, whole, 1), 1 / len(players))
    return np.concatenate([players + part * rest, [reference]])


def shares(cross: np.ndarray) -> dict[str, float]:
    """Return the shares of the sum of pairs of players, and of tokens of no player (last row and column)."""
    parts = {
        "players_share": cross[:-1, :-1].sum(),
        "image_class_token_share": cross[-1, :-1].sum(),
        "text_class_token_share": cross[:-1, -1].sum(),
        "both_class_tokens_share": cross[-1, -1],
    }
    total = sum(parts.values()) or 1.0
    return {name: float(part / total) for name, part in parts.items()}
