"""The explanation of pictures for an index, in this process or on the nodes of a cluster."""

import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from PIL import Image

from fixlip import specs
from fixlip.api.load import encoder_for, load_model
from fixlip.cluster.proof import Proof
from fixlip.errors import InputError
from fixlip.index.pictures import Raw, content_hash
from fixlip.index.schema import Facts, Row, table_of
from fixlip.index.tower import fit_tower, keep
from fixlip.io.images import open_image
from fixlip.runtime.modes import plain_torch

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow

    from fixlip.encoders.base import DualEncoder

SIDE = 256  # pixels of the longer side of a thumbnail
Picture = tuple[str, Raw, str]  # name, the picture itself or where it is, hash of its content


@dataclass(frozen=True)
class Block:
    """Some pictures that one worker explains, with the label of the model."""

    model: str
    pictures: tuple[Picture, ...]


@dataclass(frozen=True)
class Explainer:
    """Turns pictures into rows of an index.

    Attributes:
        encoder: the model.
        facts: of the index.
        batch_size: as in `fixlip.explain`.
    """

    encoder: "DualEncoder"
    facts: Facts
    batch_size: int | Literal["auto"] = "auto"

    def row(self, name: str, raw: Raw, content: str) -> Row:
        """Explain one picture; one that cannot be read becomes a row with an error.

        Args:
            name, raw: as `fixlip.index.pictures.pictures` gives them.
            content: hash of the content.

        Raises:
            FixlipError: the model, the memory or the number of masks is at fault, not the picture.
        """
        row: Row = {"id": name, "hash": content}
        try:
            return row | self._explained(raw)
        except InputError as error:
            return row | {"error": str(error)}

    def table(self, name: str, raw: Raw, content: str) -> "pyarrow.Table":
        """Explain one picture; see `row`. The table has just that row."""
        return table_of([self.row(name, raw, content)], self.facts)

    def tables(self, block: Block) -> Iterator["pyarrow.Table"]:
        """Explain some pictures, one after the other."""
        for picture in block.pictures:
            yield self.table(*picture)

    def _explained(self, raw: Raw) -> Row:
        from fixlip.games.similarity import game_input

        if isinstance(raw, InputError):
            raise raw
        facts = self.facts
        with plain_torch():
            players: dict[str, Any] = {"image_players": facts.image_players, "batch_size": self.batch_size}
            one = game_input(self.encoder, "image", open_image(raw), **players)
            tower = fit_tower(self.encoder, "image", one, facts.p, facts.image_masks, facts.seed)
            kept = keep(tower.fit, facts.p)
        number, x = np.dtype(facts.dtype), one.input
        empty, whole = tower.ends.astype(number)
        return {
            "embedding": whole,
            "empty": empty,
            "coefficients": kept.coefficients.astype(number).ravel(),
            "basis": kept.basis.astype(np.float16).ravel(),
            **{name: getattr(kept, name).astype(np.float32).ravel() for name in ("spread", "sizes", "residual")},
            **{name: float(np.float32(getattr(kept, name))) for name in ("rest", "r2")},
            "passes": tower.passes,
            "design": tower.described,
            "notes": list(one.notes),
            "remarks": list(tower.remarks),
            "grid": np.array(one.grid or (0, 0), dtype=np.int32),
            "regions": None if one.regions is None else _png(one.regions),
            "names": [] if one.grid else [player.label for player in one.players],
            "visible": np.array(x.visible, dtype=np.float64),  # type: ignore[union-attr]
            "thumbnail": _jpeg(x.picture),  # type: ignore[union-attr]
        }


@dataclass(frozen=True)
class RemoteExplainer(Explainer):
    """An explainer on a node of a cluster. What it reads may differ, so rows have the hash of what was explained.

    Attributes:
        folder: of the process that asks, to which paths of pictures are relative.
    """

    folder: str = ""

    def prove(self, fields: dict[str, Any]) -> Proof:
        """The weights, and the pictures of the block with these fields."""
        return proof_of(self._found(Block(**fields)), self.encoder.weights)

    def tables(self, block: Block) -> Iterator["pyarrow.Table"]:
        """Explain some pictures as they are here."""
        return super().tables(self._found(block))

    def _found(self, block: Block) -> Block:
        raws = ((name, Path(self.folder, raw) if isinstance(raw, Path) else raw) for name, raw, _ in block.pictures)
        return replace(block, pictures=tuple((name, raw, seen(raw)) for name, raw in raws))


def named_encoder(model: "str | DualEncoder", removal: "Mapping[str, str] | None") -> "DualEncoder":
    """The encoder with a removal; a name may carry options of `fixlip.load_model`.

    Raises:
        OptionError, UnsupportedModelError: as `fixlip.load_model`.
    """
    if isinstance(model, str):
        model, options = specs.parse(model)
        return encoder_for(load_model(model, **options) if options else model, removal)
    return encoder_for(model, removal)


def proof_of(block: Block, weights: str) -> Proof:
    """The proof of a process with these weights and some pictures."""
    return Proof(version("fixlip"), 0, {repr(name): seen(raw) for name, raw, _ in block.pictures}, weights)


def seen(raw: Raw) -> str:
    """The hash of a picture as this process reads it; empty where it cannot."""
    try:
        return content_hash(raw)
    except InputError:
        return ""


def _jpeg(picture: np.ndarray) -> bytes:
    image, buffer = Image.fromarray(picture), io.BytesIO()
    image.thumbnail((SIDE, SIDE))
    image.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def _png(regions: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray((regions.astype(np.int32) + 1).astype(np.uint16)).save(buffer, "PNG")
    return buffer.getvalue()
