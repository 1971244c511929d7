"""exCLIP as published, done plainly: an opponent, and an oracle.

Moeller et al., TMLR 2025: for the input of the last block of each tower, one backward pass for each dimension of the
embedding at each of N points between reference and input gives the dense Jacobians of both towers; their product is a
matrix of (patches x hidden) x (tokens x hidden), which is weighted by the displacements and summed over the hidden
dimensions. The caption is padded to the length that the model was trained with. Departure: the reference of the caption
ends where the caption ends.
"""

import copy
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from fixlip.games.base import DifferentiableGame, TowerLayers


def padded(encoder: Any) -> Any:
    """The same encoder, which does not cut a caption where what follows has no influence."""
    other = copy.copy(encoder)
    other.text_tower = replace(encoder.text_tower, causal=False)
    return other


def explain(game: DifferentiableGame, steps: int = 10) -> np.ndarray:
    """Interactions of image and text players, [n_image, n_text], in logits.

    Args:
        game: of a model whose blocks are known, `padded`.
        steps: points of the right Riemann sum.
    """
    image, text = game.layers("image"), game.layers("text")
    f, moved_f, J = integrated(image, "zeros", steps)
    g, moved_g, K = integrated(text, "pad", steps)
    matrix = J.flatten(1).T @ K.flatten(1)  # (patches x hidden) x (tokens x hidden)
    matrix *= moved_f.flatten()[:, None]
    matrix *= moved_g.flatten()
    (rows, hidden), (columns, width) = moved_f.shape, moved_g.shape
    tokens = matrix.view(rows, hidden, columns, width).sum((1, 3)).cpu().double().numpy()
    tokens *= game.scale / float(f.norm() * g.norm())
    last = [tower.owners(tower.depth - 1) for tower in (image, text)]
    of_image, of_text = (
        np.arange(n)[:, None] == owner for n, owner in zip((game.n_image, game.n_text), last, strict=True)
    )
    return of_image @ tokens @ of_text.T


def integrated(tower: TowerLayers, reference: str, steps: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Features [D], displacement [L, width], and the mean Jacobian [D, L, width] between reference and input."""
    layer = tower.depth - 1
    start, end = tower.state(layer, reference), tower.state(layer)
    places = torch.arange(1, steps + 1, dtype=torch.float64)[:, None, None] / steps
    states = (start + places.to(end) * (end - start)).requires_grad_()
    with torch.enable_grad():
        features = tower.features(states, layer)
    rows = [
        torch.autograd.grad(features[:, d].sum(), states, retain_graph=True)[0].mean(0)
        for d in range(features.shape[1])
    ]
    return features[-1].detach(), end - start, torch.stack(rows)
