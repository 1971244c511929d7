"""The same model with random weights, for a while: what an explanation shows then, it did not learn from the model."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

from fixlip.encoders.encoder import TowerEncoder
from fixlip.errors import UnsupportedModelError

if TYPE_CHECKING:
    from fixlip.encoders.base import DualEncoder


@contextmanager
def randomised(encoder: "DualEncoder", seed: int = 0) -> "Iterator[DualEncoder]":
    """Shuffle every weight tensor of a model within itself, and put everything back at the end.

    Mean and spread of each tensor stay; what was learned does not. Zeros stay where they are (rows of tokens that were
    never trained: spread over all tokens they would make all words alike), and so do buffers.

    Raises:
        UnsupportedModelError: a model whose weights are not known.

    Source: after Adebayo et al., Sanity Checks for Saliency Maps, NeurIPS 2018 (independent randomisation; there
    weights are drawn anew).
    """
    model = encoder.model if isinstance(encoder, TowerEncoder) else None
    if model is None:
        raise UnsupportedModelError(f"{encoder.name}: its weights are not known, so that they cannot be randomised.")
    generator = torch.Generator().manual_seed(seed)
    before = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    try:
        with torch.no_grad():
            for parameter in model.parameters():
                flat = parameter.flatten()
                places = flat.nonzero().squeeze(1)
                order = torch.randperm(len(places), generator=generator).to(parameter.device)
                flat[places] = flat[places[order]]
                parameter.copy_(flat.view_as(parameter))
        yield encoder
    finally:
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                parameter.copy_(before[name])
