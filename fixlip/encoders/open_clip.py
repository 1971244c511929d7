"""Adapter for open_clip models of the `CLIP` layout (ViT image tower, causal text tower)."""

import hashlib
from functools import cached_property
from typing import Any

import open_clip
import torch
from torch.nn.functional import normalize

from fixlip.encoders.base import ImageInput, TextInput
from fixlip.encoders.clip_towers import TextTower, VisionTower
from fixlip.encoders.preprocessing import Preprocessor
from fixlip.errors import UnsupportedModelError
from fixlip.images import ImageLike, open_image


class OpenClipEncoder:
    """A dual encoder from an open_clip `CLIP` model; see `fixlip.encoders.base.DualEncoder`.

    Args:
        model: the model; it is put into evaluation mode and otherwise left as it is.
        preprocess_cfg: open_clip's preprocessing configuration of the model.
        tokenizer: the model's tokenizer.
        name: for provenance.
        known_ids: ids of the tokens that the model was trained on; None means all. Other words are named in the notes.

    Raises:
        UnsupportedModelError: another layout.
    """

    def __init__(
        self,
        model: torch.nn.Module,
        preprocess_cfg: dict[str, Any],
        tokenizer: Any,
        *,
        name: str,
        known_ids: set[int] | None = None,
    ) -> None:
        if not isinstance(model, open_clip.CLIP):
            raise UnsupportedModelError(
                f"{name}: fixlip reads open_clip models of the layout CLIP, this one is {type(model).__name__}."
            )
        self.model: Any = model.eval()
        self.name, self.known_ids = name, known_ids
        self.preprocess = Preprocessor(preprocess_cfg)
        self.image_tower, self.text_tower = VisionTower(self.model.visual), TextTower(self.model, tokenizer)
        self.removal = f"image {self.image_tower.removal}, text {self.text_tower.removal}"
        self.logit_scale = self.model.logit_scale.detach().exp().item()
        self.logit_bias = self.model.logit_bias.item() if self.model.logit_bias is not None else 0.0

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return self.model.logit_scale.device

    @property
    def dtype(self) -> torch.dtype:
        """The type that the model computes in."""
        return self.model.visual.conv1.weight.dtype

    @property
    def embed_dim(self) -> int:
        """Dimension of the shared space."""
        return self.model.visual.output_dim

    @cached_property
    def weights(self) -> str:
        """A hash of all weights."""
        digest = hashlib.sha256()
        for key, tensor in sorted(self.model.state_dict().items()):
            digest.update(key.encode())
            digest.update(tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy())
        return digest.hexdigest()[:16]

    def image_input(self, image: ImageLike) -> ImageInput:
        """Preprocess a picture as open_clip does."""
        pixels, picture, notes = self.preprocess(open_image(image))
        return ImageInput(pixels.to(self.device, self.dtype), self.image_tower.grid, picture, notes)

    def text_input(self, text: str) -> TextInput:
        """Tokenise a caption as open_clip does."""
        x = self.text_tower.prepare(text)
        notes: tuple[str, ...] = ()
        if self.known_ids is not None:
            strange = [s for p, s in zip(x.positions, x.spans, strict=True) if int(x.ids[p]) not in self.known_ids]
            words = dict.fromkeys(text[slice(*s)] for s in strange)
            if words:
                notes = (f"{self.name} never learned {', '.join(map(repr, words))}; use a real model for such words",)
        return TextInput(text, x.ids.to(self.device), x.positions, x.spans, notes)

    @torch.inference_mode()
    def embed_image(self, x: ImageInput, masks: torch.Tensor) -> torch.Tensor:
        """Masks [B, n_patches] -> unit embeddings [B, embed_dim]."""
        return normalize(self.image_tower.embed(x, masks.to(self.device)).float(), dim=-1)

    @torch.inference_mode()
    def embed_text(self, x: TextInput, masks: torch.Tensor) -> torch.Tensor:
        """Masks [B, n_tokens] -> unit embeddings [B, embed_dim]."""
        return normalize(self.text_tower.embed(x, masks.to(self.device)).float(), dim=-1)

    @torch.inference_mode()
    def own_score(self, image: ImageInput, text: TextInput) -> float:
        """The similarity (logit) by open_clip's own `encode_image` and `encode_text`."""
        u = normalize(self.model.encode_image(image.pixels[None]).float(), dim=-1)
        w = normalize(self.model.encode_text(text.ids[None]).float(), dim=-1)
        return self.logit_scale * float((u * w).sum()) + self.logit_bias
