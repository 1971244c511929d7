"""The bundled models: real open_clip configurations with small weights, trained on scenes by `scripts/`.

A bundled model is a folder of `fixlip/assets` with open_clip's own `open_clip_config.json` and the weights in half
precision. Most rows of the token embedding were never trained; only the trained ones are stored, and the others are
zero.
"""

from pathlib import Path

import torch
from safetensors.torch import load_file, save

from fixlip.encoders import demo_tower  # noqa: F401, registers an architecture with timm
from fixlip.encoders.names import ASSETS, WEIGHTS, bundled_models
from fixlip.io.files import write_atomically

__all__ = ["WEIGHTS", "asset_folder", "bundled_models", "read_weights", "write_weights"]
ROWS = "token_embedding.rows"


def asset_folder(name: str) -> Path:
    """The folder of a bundled model, with its configuration and weights."""
    return ASSETS / name


def read_weights(name: str, vocab_size: int) -> tuple[dict[str, torch.Tensor], set[int]]:
    """The float32 state dict of a bundled model, and the ids of the tokens that it was trained on."""
    state = load_file(asset_folder(name) / WEIGHTS)
    rows = state.pop(ROWS).long()
    key = _embedding_key(state)
    trained = state[key]
    state[key] = trained.new_zeros(vocab_size, trained.shape[1]).index_copy_(0, rows, trained)
    return {k: v.float() for k, v in state.items()}, set(rows.tolist())


def write_weights(state: dict[str, torch.Tensor], path: Path, trained_ids: set[int]) -> None:
    """Store a state dict in half precision, with the embedding rows of `trained_ids` only."""
    rows = torch.tensor(sorted(trained_ids), dtype=torch.int32)
    state = {k: v.detach().cpu().half().contiguous() for k, v in state.items()}
    key = _embedding_key(state)
    state[key] = state[key][rows.long()].contiguous()
    write_atomically(path, save({**state, ROWS: rows}))


def _embedding_key(state: dict[str, torch.Tensor]) -> str:
    return next(k for k in state if k.endswith("token_embedding.weight"))
