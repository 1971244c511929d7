"""Features of a tower as unit embeddings."""

import torch
from torch.nn.functional import normalize

from fixlip.errors import InputError


def unit(features: torch.Tensor, number: int, side: str) -> torch.Tensor:
    """Features of so many inputs over their norms, float32. 0 stays 0, and any other row gets norm 1.

    Rows are divided by their largest entry first, so that no square runs over or under the range of float32. A row with
    NaN or infinity becomes NaN, which the game refuses (`fixlip.games.base`).

    Args:
        features: [B, D] real numbers of any type.
        number: B as it should be.
        side: "image" or "text".

    Raises:
        InputError: another shape, or numbers that are not real.

    Example:
        >>> unit(torch.tensor([[3e-30, 4e-30], [3e30, 4e30], [0, 0]]), 3, "image").tolist()[2]
        [0.0, 0.0]
    """
    if features.ndim != 2 or len(features) != number or not features.shape[1] or features.is_complex():
        raise InputError(
            f"The {side} tower returned {str(features.dtype).removeprefix('torch.')} of shape {tuple(features.shape)}; "
            f"for {number} inputs it should be [{number}, D], real numbers."
        )
    wide = features if features.dtype == torch.float64 else features.float()
    largest = wide.abs().amax(-1, keepdim=True)
    return normalize((wide / largest.masked_fill(largest == 0, 1.0)).float(), dim=-1)
