"""Work of one process: it holds the data and a model, explains items and measures the explanations."""

from collections.abc import Hashable, Iterator
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from fixlip import specs
from fixlip.api.load import load_model
from fixlip.datasets.base import BadItem, Caption, Item
from fixlip.errors import FixlipError, InputError
from fixlip.evaluation.case import Case
from fixlip.evaluation.metrics import get_metric
from fixlip.evaluation.plan import Plan
from fixlip.evaluation.rows import Row
from fixlip.games.counted import CountedGame
from fixlip.games.similarity import games

if TYPE_CHECKING:
    from PIL import Image

    from fixlip.encoders.base import DualEncoder, ImageInput
    from fixlip.results.explanation import Explanation

DIGITS = 5  # of the embedding of a picture


@dataclass(frozen=True)
class Task:
    """One item for one model.

    Attributes:
        model: its label.
        index: place of the item in the data set.
        caption: which of its captions.
        missing: label of each estimator -> labels of the metrics to measure.
    """

    model: str
    index: int
    caption: int = 0
    missing: dict[str, tuple[str, ...]] = field(default_factory=dict)


class Worker:
    """Explains and measures.

    Args:
        plan: what to do; everything that it names is loaded when it is first needed.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.held: tuple[str, Any] | None = None
        if plan.threads is not None:
            import torch

            torch.set_num_threads(plan.threads)

    def encoder(self, label: str) -> "DualEncoder":
        """The model of that label; one is held at a time."""
        if self.held is None or self.held[0] != label:
            self.held = None
            model: Any = self.plan.encoders[label]
            if isinstance(model, str):
                name, options = specs.parse(model)
                model = load_model(name, **{"device": self.plan.device} | options)
            self.held = label, model.with_removal(**self.plan.removal) if self.plan.removal else model
        return self.held[1]

    def scores(self, task: Task) -> Iterator[Row]:
        """One row: how similar the model finds each caption of an item to its picture, in logits."""
        encoder = self.encoder(task.model)
        row: Row = {"item": "", "index": task.index, "model": task.model, "estimator": "", "status": "ok"}
        try:
            item, picture = self._open(task.index)
            row["item"] = item.id
            x, texts = encoder.image_input(picture), [encoder.text_input(c.text) for c in item.captions]
            u, each = encoder.own_image(x), [encoder.own_text(text) for text in texts]
        except _BadItemError as error:
            yield row | error.facts
        except FixlipError as error:
            yield row | {"status": "bad", "fault": "refused", "reason": str(error)}
        else:
            yield row | {"scores": [encoder.logit_scale * float(u @ w) + encoder.logit_bias for w in each]}

    def rows(self, task: Task) -> Iterator[Row]:
        """Explain an item by each estimator and measure it; a fault of the item is a row of its own.

        Raises:
            FixlipError: the model cannot be had.
        """
        self.encoder(task.model)
        row: Row = {"item": "", "index": task.index, "model": "", "estimator": "", "status": "ok"}
        try:
            item, picture = self._open(task.index)
            caption = item.captions[task.caption]
        except _BadItemError as error:
            yield row | error.facts
            return
        row |= {"item": item.id, "model": task.model, "caption": caption.text}
        pair: _Pair | None = None
        shared: dict[Hashable, Any] = {}
        for label, metrics in task.missing.items():
            mine = row | {"estimator": label}
            try:
                pair = pair or self._pair(task.model, item, picture, caption)
                yield mine | (self._measured(pair, label, metrics, shared) if label else pair.facts())
            except FixlipError as error:
                yield mine | {"status": "bad", "fault": "refused", "reason": str(error)}
            except Exception as error:  # whatever one item does to a model, the others go on
                yield mine | {"status": "bad", "fault": "error", "reason": f"{type(error).__name__}: {error}"}

    def explain(self, task: Task, label: str) -> "Explanation":
        """The explanation of an item by the estimator of that label.

        Raises:
            FixlipError: as `fixlip.explain`, or the item cannot be used.
        """
        try:
            item, picture = self._open(task.index)
        except _BadItemError as error:
            raise InputError(error.facts["reason"]) from error
        pair = self._pair(task.model, item, picture, item.captions[task.caption])
        estimator, call = self.plan.methods[label]
        return estimator.explain(pair.game, progress=False, **call)

    def _open(self, index: int) -> "tuple[Item, Image.Image]":
        try:
            item = self.plan.dataset[index]
        except Exception as error:  # whatever is wrong with one entry, the others go on
            raise _BadItemError(f"#{index}", "error", f"{type(error).__name__}: {error}") from error
        if isinstance(item, BadItem):
            raise _BadItemError(item.id, item.fault, item.reason)
        try:
            return item, item.open()
        except InputError as error:
            raise _BadItemError(item.id, "unreadable picture", str(error)) from error

    def _pair(self, model: str, item: Item, picture: "Image.Image", caption: Caption) -> "_Pair":
        encoder = self.encoder(model)
        return _Pair(
            item, caption, encoder, encoder.image_input(picture), self._game(encoder, picture, caption.text), picture
        )

    def _game(self, encoder: "DualEncoder", picture: "Image.Image", text: str) -> Any:
        players: Any = {"image_players": self.plan.image_players, "text_players": self.plan.text_players}
        return next(games(encoder, [picture], [text], [(0, 0)], **players))

    def _measured(self, pair: "_Pair", label: str, metrics: tuple[str, ...], shared: dict[Hashable, Any]) -> Row:
        estimator, call = self.plan.methods[label]

        def again(
            *, text: str = pair.caption.text, encoder: "DualEncoder" = pair.encoder, **other: Any
        ) -> "Explanation":
            return estimator.explain(self._game(encoder, pair.picture, text), progress=False, **call | other)

        found = estimator.explain(pair.game, progress=False, **call)
        game = CountedGame(pair.game, lambda passes: None)
        case = Case(pair.item, pair.caption, found, game, pair.encoder, pair.image, again, shared)
        values: dict[str, Any] = {}
        failed: dict[str, str] = {}
        for metric in metrics:
            name, options = self.plan.measures[metric]
            try:
                values[metric] = get_metric(name).measure(case, **options)
            except FixlipError as error:
                values[metric], failed[metric] = None, str(error)
        provenance = asdict(found.provenance)
        return {
            "similarity": found.full_value,
            "order": 1 if np.isnan(found.cross).all() else 2,
            "metrics": values,
            **({"failed": failed} if failed else {}),
            "seconds": provenance.pop("seconds"),
            "provenance": provenance,
        }


@dataclass(frozen=True)
class _Pair:
    """A picture and a caption for one model."""

    item: Item
    caption: Caption
    encoder: "DualEncoder"
    image: "ImageInput"
    game: Any
    picture: "Image.Image"

    def facts(self) -> Row:
        """Facts that no estimator changes: the embedding of the whole picture, to find unusual ones."""
        whole = self.game.image_embeddings(np.ones((1, self.game.n_image), dtype=bool))[0]
        return {"metrics": {"picture": {"embedding": np.round(whole, DIGITS).tolist()}}}


class _BadItemError(Exception):
    """An item that cannot be used."""

    def __init__(self, item: str, fault: str, reason: str) -> None:
        super().__init__(reason)
        self.facts = {"item": item, "status": "bad", "fault": fault, "reason": reason}
