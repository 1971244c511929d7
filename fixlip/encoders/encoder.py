"""The dual encoder: two towers, of whatever family."""

import copy
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
import torch
from PIL import Image
from torch import nn

from fixlip.encoders import removal as operators
from fixlip.encoders.base import ImageInput, TextInput
from fixlip.encoders.layers import Layers, open_tower
from fixlip.encoders.removal import Operator, Side
from fixlip.encoders.running import runs_the_model, without_inference_tensors
from fixlip.encoders.towers import ImageOrTextTower, PixelTower, TextTower, TokenTower
from fixlip.encoders.unit import unit
from fixlip.encoders.weights import coarsest, first_type, hash_of, scaled_by_batch
from fixlip.errors import FixlipError, InputError, OptionError, UnsupportedModelError
from fixlip.io.images import ImageLike
from fixlip.players.words import word_label, words_of
from fixlip.runtime.memory import retried

Own = Callable[[Any], torch.Tensor]
Convert = Callable[[nn.Module, Any, Any], object]


class TowerEncoder:
    """A dual encoder from two towers; see `fixlip.encoders.base.DualEncoder`.

    Args:
        model: the module that holds all weights; it is run in evaluation mode and left as it is. None where there is
            none.
        image_tower, text_tower: what prepares and embeds each input. Two image towers explain pairs of pictures, two
            text towers pairs of captions.
        own: for each tower, an input -> features [1, D] by the model's own forward pass.
        logit_scale, logit_bias: similarity = logit_scale * cosine + logit_bias; functions that read them from the model
            each time, or numbers that stay.
        name: for provenance.
        family: what kind of model it is, in words.
        known_ids: ids of the tokens that the model was trained on; None means all. Other words are named in the notes.
        convert: moves the model to a device and a type, either of which may be None.
    """

    def __init__(
        self,
        model: nn.Module | None,
        image_tower: ImageOrTextTower,
        text_tower: ImageOrTextTower,
        own: tuple[Own, Own],
        *,
        name: str,
        family: str,
        logit_scale: Callable[[], float] | float,
        logit_bias: Callable[[], float] | float = 0.0,
        known_ids: set[int] | None = None,
        convert: Convert = nn.Module.to,
    ) -> None:
        self.model: Any = None if model is None else without_inference_tensors(model)
        self.one_by_one = scaled_by_batch(self.model)
        if self.one_by_one and isinstance(text_tower, TextTower):
            text_tower = replace(text_tower, causal=False)  # what is cut off would be measured too
        self.image_tower, self.text_tower, self.own = image_tower, text_tower, own
        self.name, self.family, self.known_ids = name, family, known_ids
        self._scale, self._bias, self._convert = logit_scale, logit_bias, convert
        self.image_removal = Operator(next(iter(image_tower.removals.values())))
        self.text_removal = Operator(next(iter(text_tower.removals.values())))

    @property
    def logit_scale(self) -> float:
        """Scale of the cosine, as the model has it now."""
        return float(self._scale() if callable(self._scale) else self._scale)

    @property
    def logit_bias(self) -> float:
        """Bias that is added to the scaled cosine, as the model has it now."""
        return float(self._bias() if callable(self._bias) else self._bias)

    @cached_property
    def embed_dim(self) -> int:
        """Dimension of the embeddings, from one pass of the text tower."""
        raw: Any = Image.new("RGB", (64, 64)) if isinstance(self.text_tower, PixelTower | TokenTower) else "a"
        return len(self.own_text(self.text_input(raw)))

    @property
    def removals(self) -> dict[Side, tuple[str, ...]]:
        """Names of the removals of each side, the default first."""
        return {"image": tuple(self.image_tower.removals), "text": tuple(self.text_tower.removals)}

    def with_removal(self, *, image: str | None = None, text: str | None = None) -> "TowerEncoder":
        """The same model with other removal operators; see `fixlip.encoders.removal` for their names.

        Raises:
            OptionError: an operator that the tower does not know.
        """
        encoder = copy.copy(self)
        if image is not None:
            encoder.image_removal = operators.parse(image, self.image_tower.removals, "image")
        if text is not None:
            encoder.text_removal = operators.parse(text, self.text_tower.removals, "text")
        return encoder

    def named(self, name: str) -> "TowerEncoder":
        """The same model under another name, which every table and every result then has."""
        encoder = copy.copy(self)
        encoder.name = name
        return encoder

    def move(self, device: str | torch.device | None, dtype: torch.dtype | None) -> None:
        """Move the model, in place, to a device and to a type.

        Raises:
            OptionError: a device that cannot be used, or no model behind the towers.
        """
        if self.model is None:
            raise OptionError(f"{self.name} has no model that could be moved to a device or a dtype.")
        try:
            self._convert(self.model, device, dtype)
        except (RuntimeError, AssertionError) as error:  # torch raises either for a device that is not there
            raise OptionError(f"The device {str(device)!r} cannot be used: {str(error).splitlines()[0]}") from error

    def __repr__(self) -> str:
        removal = f"image removal {self.image_removal}, text removal {self.text_removal}"
        place = f"{self.device}, {str(self.dtype).removeprefix('torch.')}"
        return f"<encoder {self.name}: {self.family}; {removal}; {place}>"

    def __copy__(self) -> "TowerEncoder":
        encoder = object.__new__(type(self))
        encoder.__dict__.update(self.__dict__)
        return encoder

    def __reduce__(self) -> Any:
        """Neither pickled nor deeply copied: the towers are functions of the one model.

        Raises:
            UnsupportedModelError: always; it says what to do.
        """
        raise UnsupportedModelError(
            f"{self.name}: an encoder is not sent to other processes, nor copied with its weights. Call load_model "
            "where it is needed; for a copy, copy the model itself and give it to load_model."
        )

    @property
    def device(self) -> torch.device:
        """Device that the model is on."""
        parameter = None if self.model is None else next(self.model.parameters(), None)
        return torch.device("cpu") if parameter is None else parameter.device

    @property
    def dtype(self) -> torch.dtype:
        """The coarsest type that a layer of the model computes in; the input of a tower has that of its first layer."""
        return coarsest(self.model)

    @property
    def weights(self) -> str:
        """A hash of all weights as they are now; empty where they are not known. Cost: reads all of them."""
        return "" if self.model is None else hash_of(self.model)

    @runs_the_model
    def image_input(self, image: ImageLike) -> ImageInput:
        """Preprocess a picture as the model's own code does."""
        return self._here(self.image_tower, self.image_tower.prepare(image))

    @runs_the_model
    def text_input(self, text: str) -> TextInput:
        """Tokenise a caption as the model's own code does."""
        x = self._here(self.text_tower, self.text_tower.prepare(text))
        if self.known_ids is not None:
            strange = [s for p, (s, _) in zip(x.positions, x.spans, strict=True) if int(x.ids[p]) not in self.known_ids]
            of = (word for word in words_of(text) if any(word[0] <= s < word[1] for s in strange))
            words = dict.fromkeys(word_label(text, word) for word in of)
            if words:
                named = f"{self.name} never learned {', '.join(map(repr, words))}; use a real model for such words"
                x = replace(x, notes=(*x.notes, named))
        return x

    @runs_the_model
    def embed_image(self, x: ImageInput, masks: torch.Tensor) -> torch.Tensor:
        """Masks [B, units] -> unit embeddings [B, D]."""
        return self._embed(self.image_tower, x, masks, self.image_removal, "image")

    @runs_the_model
    def embed_text(self, x: TextInput, masks: torch.Tensor) -> torch.Tensor:
        """Masks [B, units] -> unit embeddings [B, D]."""
        return self._embed(self.text_tower, x, masks, self.text_removal, "text")

    @runs_the_model
    def own_image(self, x: ImageInput) -> torch.Tensor:
        """Unit embedding [D] by the model's own forward pass, nothing removed."""
        return self._own(0, x)

    @runs_the_model
    def own_text(self, x: TextInput) -> torch.Tensor:
        """Unit embedding [D] by the model's own forward pass, nothing removed."""
        return self._own(1, x)

    def _own(self, place: int, x: ImageInput | TextInput) -> torch.Tensor:
        side = ("image", "text")[place]
        try:
            return retried(lambda: unit(self.own[place](x), 1, side)[0], "a single forward pass")
        except (AttributeError, RuntimeError, TypeError) as error:  # parts of a model that do not fit together
            if self.model is None or isinstance(error, FixlipError):
                raise
            reason = (str(error).strip() or type(error).__name__).splitlines()[0][:200].rstrip(".")
            raise UnsupportedModelError(
                f"{self.name}: the model's own forward pass of the {side} tower fails: {reason}."
            ) from error

    def _embed(self, tower: Any, x: Any, masks: torch.Tensor, removal: Operator, side: str) -> torch.Tensor:
        self._check(x)
        masks = masks.to(self.device)
        parts = masks.split(1 if self.one_by_one else max(len(masks), 1))
        return torch.cat([unit(tower.embed(x, part, removal), len(part), side) for part in parts])

    @runs_the_model
    def layers(self, side: Literal["image", "text"], x: ImageInput | TextInput, owner: np.ndarray) -> Layers:
        """One tower, opened at its blocks.

        Args:
            side: which tower.
            x: prepared for it.
            owner: the player of each unit (patch, region or token) of `x`, -1 for units that are always there.

        Raises:
            UnsupportedModelError: a tower whose blocks are not known.
        """
        tower = self.image_tower if side == "image" else self.text_tower
        opened = None if self.model is None else open_tower(self.model, tower, x, owner)
        if opened is None:
            raise UnsupportedModelError(
                f"{self.name}: the blocks of the {side} tower of {self.family} are not known, so that it has no "
                "gradients; take an estimator that needs none: see `fixlip estimators`."
            )
        return opened

    def _here(self, tower: Any, x: Any) -> Any:
        """The input, on the model's device and in the type of the tower's first layer."""
        if isinstance(x, TextInput):
            return replace(x, ids=x.ids.to(self.device))
        extra = {k: v.to(self.device) for k, v in x.model_inputs.items()}
        module = tower.module if isinstance(tower, PixelTower | TokenTower) else None
        dtype = first_type(self.model if module is None else module)
        return replace(x, pixels=x.pixels.to(self.device, dtype), model_inputs=extra)

    def _check(self, x: Any) -> None:
        place = (x.ids if isinstance(x, TextInput) else x.pixels).device
        if place != self.device:
            raise InputError(f"The input is on {place}, the model on {self.device}; prepare the input again.")
