"""Building an index: every picture is explained once, and written in blocks, each of them one commit."""

import io
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from PIL import Image

from fixlip.arguments import real_number, whole_number
from fixlip.errors import InputError, OptionError
from fixlip.index.pictures import Raw, content_hash, pictures
from fixlip.index.schema import Facts, Row
from fixlip.index.store import Store, lance_package
from fixlip.index.tower import fit_tower, keep
from fixlip.io.files import lock
from fixlip.io.images import open_image
from fixlip.runtime.modes import plain_torch
from fixlip.runtime.progress import Progress, tracking

if TYPE_CHECKING:
    from fixlip.encoders.base import DualEncoder

BLOCK, SECONDS = 256, 30.0  # rows that one commit has at most, and how long they may wait for it
SIDE = 256  # pixels of the longer side of a thumbnail


@dataclass
class Changes:
    """What a build did to an index: numbers of pictures.

    Attributes:
        added, replaced, renamed, dropped, unchanged: pictures; a renamed one was known under another name.
        failed: pictures that cannot be read, by name, with the reason.
    """

    added: int = 0
    replaced: int = 0
    renamed: int = 0
    dropped: int = 0
    unchanged: int = 0
    failed: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Explainer:
    """Turns pictures into rows of an index; workers on several machines have one each.

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


def _jpeg(picture: np.ndarray) -> bytes:
    image, buffer = Image.fromarray(picture), io.BytesIO()
    image.thumbnail((SIDE, SIDE))
    image.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def _png(regions: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray((regions.astype(np.int32) + 1).astype(np.uint16)).save(buffer, "PNG")
    return buffer.getvalue()


def facts_of(
    encoder: "DualEncoder", *, image_masks: int | None, image_players: str, p: float, seed: int, dtype: str
) -> Facts:
    """Gather the facts of an index that is built with this model.

    Raises:
        OptionError: a value out of range.
    """
    if not isinstance(image_players, str):
        raise OptionError("image_players of an index is a text such as 'patches' or 'grid:3', the same for all.")
    if not 0 < real_number("p", p) < 1:
        raise OptionError(f"p must be between 0 and 1, got {p}.")
    if dtype not in ("float16", "float32"):
        raise OptionError(f"dtype is float16 or float32, got {dtype!r}.")
    return Facts(
        model=encoder.name,
        weights=encoder.weights,
        removal=str(encoder.image_removal),
        p=float(p),
        seed=whole_number("seed", seed, least=0),
        image_masks=None if image_masks is None else whole_number("image_masks", image_masks, least=1),
        image_players=image_players,
        dimension=encoder.embed_dim,
        dtype=dtype,  # type: ignore[arg-type]
        versions={name: version(name) for name in ("fixlip", "torch", "numpy", "pylance")},
    )


def write_index(
    images: Any,
    folder: str | Path,
    encoder: "DualEncoder",
    *,
    column: str | None,
    batch_size: int | Literal["auto"],
    keep: bool,
    progress: Progress,
    **settings: Any,
) -> Changes:
    """Build an index; see `fixlip.build_index`. The settings are those of `facts_of`."""
    lance_package()
    facts = facts_of(encoder, **settings)
    explainer, folder = Explainer(encoder, facts, batch_size), Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"Cannot make the folder {str(folder)!r}: {error.strerror or error}.") from error
    with lock(folder / ".build.lock", "another process is building this index"):
        store = Store.open_or_make(folder, facts)
        with tracking(progress, 0, "index") as tracker:
            return _build(pictures(images, column), store, explainer, keep, partial(_ticked, tracker))


def _ticked(tracker: Any) -> None:
    tracker.total = max(tracker.total, tracker.done + 1)
    tracker.tick(1)


def _build(listed: Any, store: Store, explainer: Explainer, keep: bool, tick: Any) -> Changes:
    known, changes, block = store.known(), Changes(), _Block(store)
    by_hash, here = {content: name for name, content in known.items() if content}, set()
    for name, raw in listed:
        here.add(name)
        try:
            content, failed = content_hash(raw), ""
        except InputError as error:
            content, failed = "", str(error)
        old = known.get(name)
        if old is not None and old == content and not failed:
            changes.unchanged += 1
        elif failed:
            block.add({"id": name, "hash": "", "error": failed})
        elif content in by_hash:
            block.add(*store.renamed({name: content}))
            changes.renamed += 1
        else:
            row = explainer.row(name, raw, content)
            block.add(row)
            if "error" not in row:
                changes.added, changes.replaced = changes.added + (old is None), changes.replaced + (old is not None)
        tick()
    block.write()
    if not here:
        raise InputError("There is no picture to index.")
    gone = set() if keep else known.keys() - here
    if gone:
        store.drop(sorted(gone))
        changes.dropped = len(gone)
    if block.written or gone:
        store.tidy()
    changes.failed = store.errors()
    return changes


class _Block:
    """Rows that wait for their commit."""

    def __init__(self, store: Store) -> None:
        self.store, self.since, self.written = store, monotonic(), 0
        self.rows: list[Row] = []

    def add(self, *rows: Row) -> None:
        self.rows += rows
        if len(self.rows) >= BLOCK or monotonic() - self.since > SECONDS:
            self.write()

    def write(self) -> None:
        if self.rows:
            self.store.write(self.rows)
            self.written += len(self.rows)
        self.rows, self.since = [], monotonic()
