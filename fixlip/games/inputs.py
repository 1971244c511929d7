"""One input of a game: its players, and the tower that embeds it without some of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any, Literal
from weakref import finalize

import numpy as np
import torch

from fixlip.arguments import whole_number
from fixlip.encoders.base import DualEncoder, ImageInput, TextInput
from fixlip.errors import InputError, OptionError
from fixlip.games.memo import Memo
from fixlip.players.alignment import Span
from fixlip.players.base import Player, grid_players
from fixlip.players.regions import Regions, as_seen, drop_unseen, patch_owner, region_box
from fixlip.players.text_players import grouping
from fixlip.players.words import group_by_phrases, word_label
from fixlip.runtime.memory import in_parts
from fixlip.runtime.modes import plain_torch

Batch = int | Literal["auto"]
ACCELERATOR_BATCH = 512  # masks in one forward pass, where "auto" starts
CPU_TOKENS = 2048  # on the CPU so many tokens in one forward pass stay in its caches


class MaskedTower:
    """One tower on one input: player masks in, embeddings out, in batches that shrink when memory runs out.

    Args:
        embed: unit masks [B, units] -> unit embeddings [B, D].
        groups: for each player the units (patches, regions or tokens) that come and go with it.
        units: number of units; those in no group are always present.
        batch_size: most masks for one forward pass, or "auto".
        by_size: let masks of like size share a batch, which is cheaper where removed tokens are not computed.
        sizes: where "auto" keeps the largest batch that fitted, for the next input.
        device, tokens: where the model is, and tokens of a mask: they decide where "auto" starts.
    """

    def __init__(
        self,
        embed: Callable[[torch.Tensor], torch.Tensor],
        groups: Sequence[tuple[int, ...]],
        units: int,
        *,
        batch_size: Batch = "auto",
        by_size: bool = False,
        sizes: dict[str, int] | None = None,
        device: str = "cpu",
        tokens: int = 64,
    ) -> None:
        if not isinstance(batch_size, str):
            batch_size = whole_number("batch_size", batch_size, least=1)
        elif batch_size != "auto":
            raise OptionError(f"batch_size is 'auto' or a positive number, got {batch_size!r}.")
        self.embed, self.by_size = embed, by_size
        self.sizes = {} if sizes is None or batch_size != "auto" else sizes
        self.start = batch_size if batch_size != "auto" else _first_batch(device, tokens)
        self.owner = np.full(units, -1)
        for player, members in enumerate(groups):
            self.owner[list(members)] = player

    @property
    def batch_size(self) -> int:
        """Most masks for one forward pass, as far as is known by now."""
        return min(self.start, self.sizes.get("batch", self.start))

    def __call__(self, masks: np.ndarray) -> np.ndarray:
        """Player masks [B, players] -> embeddings [B, D], float32; one transfer from the device for all of them.

        Raises:
            NotEnoughMemoryError: there is none for a single mask.
        """
        units = np.where(self.owner >= 0, masks[:, self.owner], True)
        order = units.sum(1).argsort(kind="stable") if self.by_size else np.arange(len(units))

        def embed(rows: slice) -> torch.Tensor:
            return self.embed(torch.from_numpy(units[order[rows]]))

        with plain_torch(grad=False):
            out = list(in_parts(embed, len(units), lambda: self.batch_size, self._fitted))
        return torch.cat(out).cpu().numpy()[order.argsort()]

    def _fitted(self, batch: int) -> None:
        self.sizes["batch"] = batch


def _first_batch(device: str, tokens: int) -> int:
    """Masks of so many tokens in one forward pass, a power of two from 4 to 128."""
    if device != "cpu":
        return ACCELERATOR_BATCH
    return min(1 << max(CPU_TOKENS // max(tokens, 1), 4).bit_length() - 1, 128)


@dataclass(frozen=True, eq=False)
class GameInput:
    """One input of a game: prepared for its tower, with the players that it is made of.

    Attributes:
        input: what the encoder made of the picture or the caption.
        tower: player masks -> embeddings.
        own: -> unit embedding [D] by the model's own forward pass.
        players: who comes and goes.
        grid: rows and columns, where they are the patches of a grid.
        regions: label map, where they are regions.
        notes: what the user should know.
        remember: encode no mask twice, for an input of several pairs.
        kept: what estimators keep for the next pair with this input.
    """

    input: ImageInput | TextInput
    tower: MaskedTower
    own: Callable[[], torch.Tensor]
    players: tuple[Player, ...]
    grid: tuple[int, int] | None = None
    regions: np.ndarray | None = None
    notes: tuple[str, ...] = ()
    remember: bool = False
    kept: dict[Any, Any] = field(default_factory=dict)

    @cached_property
    def embed(self) -> Callable[[np.ndarray], np.ndarray]:
        """The tower, or one that remembers."""
        return Memo(self.masked) if self.remember else self.masked

    @property
    def masked(self) -> Callable[[np.ndarray], np.ndarray]:
        """The tower without the memory; it must not hold this input, which would then hold itself and be freed late."""
        return partial(_masked, self.tower, self.kept)

    @cached_property
    def own_embedding(self) -> np.ndarray:
        """[D], by the model's own forward pass."""
        with plain_torch(grad=False):
            return self.own().double().cpu().numpy()


def _masked(tower: MaskedTower, kept: dict[Any, Any], masks: np.ndarray) -> np.ndarray:
    """[B, D]; the empty and the full mask, which the gate and estimators ask for together, are encoded once."""
    if len(masks) != 2 or masks[0].any() or not masks[1].all():
        return tower(masks)
    if "ends" not in kept:
        kept["ends"] = tower(masks)
    return kept["ends"]  # type: ignore[no-any-return]


def picture_input(
    encoder: DualEncoder, x: ImageInput, *, regions: Regions | None = None, second: bool = False, **batches: Any
) -> GameInput:
    """A picture whose players are its patches, or regions of any shape.

    Removals of pixels (``mean``, ``blur``) take the pixels of a region, the others the patches of which it has the most
    pixels.

    Args:
        encoder, x: the model, and the picture prepared for it.
        regions: over the upright picture; None for patches.
        second: the picture takes the place of the caption.
        batches: options of `MaskedTower`.

    Raises:
        InputError: no region in what the model sees, or one that has no patch of its own.
    """
    removal = (encoder.text_removal if second else encoder.image_removal).kind
    embed: Any = encoder.embed_text if second else encoder.embed_image
    own: Any = encoder.own_text if second else encoder.own_image
    batches |= {"by_size": removal.drops_tokens, "device": encoder.device.type, "tokens": x.n_patches}
    if regions is None:
        tower = MaskedTower(partial(embed, x), [(i,) for i in range(x.n_patches)], x.n_patches, **batches)
        return GameInput(x, tower, partial(own, x), grid_players(*x.grid), x.grid, notes=x.notes)
    height, width = x.pixels.shape[-2:]
    labels, names, lost = drop_unseen(as_seen(regions, x.visible, (width, height)), regions.names)
    if not names:
        raise InputError("The model sees none of the regions.")
    notes = (*x.notes, f"the model does not see {', '.join(lost)}") if lost else x.notes
    owner, whole_patches = patch_owner(labels, x.grid)
    groups: list[tuple[int, ...]]
    if removal.fill and not whole_patches:
        x, groups, units = replace(x, labels=labels), [(i,) for i in range(len(names))], len(names)
    else:
        groups, units = [tuple(np.flatnonzero(owner == i).tolist()) for i in range(len(names))], x.n_patches
        without = [n for n, group in zip(names, groups, strict=True) if not group]
        if without:
            raise InputError(
                f"No patch lies mostly in {', '.join(without)}; make them larger, or remove pixels: mean or blur."
            )
        labels = owner.reshape(x.grid)
    players = tuple(Player("image", n, region_box(labels, i)) for i, n in enumerate(names))
    return GameInput(
        x,
        MaskedTower(partial(embed, x), groups, units, **batches),
        partial(own, x),
        players,
        regions=labels,
        notes=notes,
    )


def caption_input(
    encoder: DualEncoder,
    x: TextInput,
    *,
    players: str = "words",
    phrases: Sequence[str | Span] = (),
    first: bool = False,
    **batches: Any,
) -> GameInput:
    """A caption whose players are its "words", "tokens", or "content" words with the stop words before them.

    Args:
        encoder, x: the model, and the caption prepared for it.
        players: the kind.
        phrases: each of them is one player; the rest are words.
        first: the caption takes the place of the picture.
        batches: options of `MaskedTower`.

    Raises:
        OptionError: another kind of players.
        InputError: a phrase that is not in the caption.
    """
    group = grouping(players)
    if phrases and players != "words":
        raise OptionError(f"With phrases the other players are words, got text_players={players!r}.")
    groups = group_by_phrases(x.text, x.spans, phrases) if phrases else group(x.text, x.spans)
    embed: Any = encoder.embed_image if first else encoder.embed_text
    own: Any = encoder.own_image if first else encoder.own_text
    batches |= {"device": encoder.device.type, "tokens": x.n_tokens}
    tower = MaskedTower(partial(embed, x), [members for _, members in groups], x.n_tokens, **batches)
    return GameInput(
        x,
        tower,
        partial(own, x),
        tuple(Player("text", word_label(x.text, s), span=s) for s, _ in groups),
        notes=x.notes,
    )


@dataclass(frozen=True)
class Known:
    """Facts about an encoder from earlier games.

    Attributes:
        batches: largest batches that fitted into memory so far, of each tower; filled by `MaskedTower`.
        shown: sides and sizes of pictures that are shown as the model sees them.
    """

    batches: tuple[dict[str, int], dict[str, int]]
    shown: set[tuple[int, tuple[int, int]]]


_known: dict[int, Known] = {}


def known_of(encoder: DualEncoder) -> Known:
    """The facts known about an encoder, kept as long as it lives."""
    if not type(encoder).__weakrefoffset__:
        return Known(({}, {}), set())
    if id(encoder) not in _known:
        _known[id(encoder)] = Known(({}, {}), set())
        finalize(encoder, _known.pop, id(encoder), None)
    return _known[id(encoder)]
