"""Work of one process: it holds the data and a model, explains items and measures the explanations."""

from collections.abc import Hashable, Iterator
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from fixlip import specs
from fixlip.api.load import load_model
from fixlip.cluster.job import is_of_machine
from fixlip.datasets.base import BadItem, Caption, Item
from fixlip.errors import FixlipError, InputError
from fixlip.evaluation.case import Case
from fixlip.evaluation.metric import finite
from fixlip.evaluation.metrics import get_metric
from fixlip.evaluation.plan import Plan
from fixlip.evaluation.records import BadRow, ExplainedRow, PictureRow, Row, ScoresRow
from fixlip.games.counted import CountedGame
from fixlip.games.similarity import games

if TYPE_CHECKING:
    from PIL import Image

    from fixlip.datasets.base import Dataset
    from fixlip.encoders.base import DualEncoder
    from fixlip.results.explanation import Explanation

Facts = dict[str, Any]
DIGITS = 5  # of the embedding of a picture
MACHINE = "machine"  # the fault of what the machine lacked (memory, a package, a file system): tried again next time


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
        self.weights = ""  # of the model that is held: to hash them takes as long as to encode some items
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
            self.weights = model.weights
        return self.held[1]

    def scores(self, task: Task) -> Iterator[Row]:
        """One row: how similar the model finds each caption of an item to its picture, in logits."""
        encoder = self.encoder(task.model)
        try:
            item, picture = opened(self.plan.dataset, task.index)
        except EntryError as error:
            yield error.row()
            return
        where: Facts = {"item": item.id, "index": task.index, "model": task.model, "estimator": ""}
        try:
            x, texts = encoder.image_input(picture), [encoder.text_input(c.text) for c in item.captions]
            u, each = encoder.own_image(x), [encoder.own_text(text) for text in texts]
        except Exception as error:  # whatever one item does to a model, the others go on
            yield BadRow(**where, **_fault(error))
        else:
            scores = [finite(encoder.logit_scale * float(u @ w) + encoder.logit_bias) for w in each]
            yield ScoresRow(**where, scores=scores)

    def rows(self, task: Task) -> Iterator[Row]:
        """Explain an item by each estimator and measure it; a fault of the item is a row of its own.

        Raises:
            FixlipError: the model cannot be had.
        """
        self.encoder(task.model)
        try:
            item, picture = opened(self.plan.dataset, task.index)
        except EntryError as error:
            yield error.row()
            return
        caption = item.captions[task.caption]
        pair: Pair | None = None
        shared: dict[Hashable, Any] = {}
        for label, metrics in task.missing.items():
            where: Facts = {"item": item.id, "index": task.index, "model": task.model, "estimator": label}
            where["caption"] = caption.text
            try:
                pair = pair or self._pair(task.model, item, picture, caption)
                if label:
                    yield ExplainedRow(**where, **self._measured(pair, label, metrics, shared))
                else:
                    yield PictureRow(**where, metrics=pair.facts())
            except Exception as error:  # whatever one item does to a model, the others go on
                yield BadRow(**where, **_fault(error))

    def explain(self, task: Task, label: str) -> "Explanation":
        """The explanation of an item by the estimator of that label.

        Raises:
            FixlipError: as `fixlip.explain`, or the item cannot be used.
        """
        try:
            pair = self.prepare(task)
        except EntryError as error:
            raise InputError(str(error)) from error
        estimator, call = self.plan.methods[label]
        return estimator.explain(pair.game, progress=False, **call)

    def prepare(self, task: Task) -> "Pair":
        """The picture and the caption of a task, ready for its model.

        Raises:
            EntryError: the item cannot be used.
            FixlipError: the model cannot use it.
        """
        item, picture = opened(self.plan.dataset, task.index)
        return self._pair(task.model, item, picture, item.captions[task.caption])

    def _pair(self, model: str, item: Item, picture: "Image.Image", caption: Caption) -> "Pair":
        encoder = self.encoder(model)
        return Pair(item, caption, encoder, self._game(encoder, picture, caption.text, self.weights), picture)

    def _game(self, encoder: "DualEncoder", picture: "Image.Image", text: str, weights: str | None) -> Any:
        players: Any = {"image_players": self.plan.image_players, "text_players": self.plan.text_players}
        return next(games(encoder, [picture], [text], [(0, 0)], weights=weights, **players))

    def _measured(self, pair: "Pair", label: str, metrics: tuple[str, ...], shared: dict[Hashable, Any]) -> Facts:
        estimator, call = self.plan.methods[label]

        def again(
            *, text: str = pair.caption.text, encoder: "DualEncoder | None" = None, **changes: Any
        ) -> "Explanation":
            which = (pair.encoder, self.weights) if encoder is None else (encoder, None)
            game = self._game(which[0], pair.picture, text, which[1])
            return estimator.explain(game, progress=False, **call | changes)

        explanation = estimator.explain(pair.game, progress=False, **call)
        game = CountedGame(pair.game, lambda passes: None)
        case = Case(
            pair.item, pair.caption, explanation, game, pair.encoder, pair.game.sides["image"].input, again, shared
        )
        values: dict[str, Any] = {}
        failed: dict[str, str] = {}
        for metric in metrics:
            name, options = self.plan.measures[metric]
            try:
                values[metric] = get_metric(name).measure(case, **options)
            except FixlipError as error:
                values[metric], failed[metric] = None, str(error)
        provenance = asdict(explanation.provenance)
        return {
            "similarity": explanation.full_value,
            "order": 1 if np.isnan(explanation.cross).all() else 2,
            "metrics": values,
            "failed": failed,
            "seconds": provenance.pop("seconds"),
            "provenance": provenance,
        }


@dataclass(frozen=True)
class Pair:
    """A picture and a caption for one model."""

    item: Item
    caption: Caption
    encoder: "DualEncoder"
    game: Any
    picture: "Image.Image"

    def facts(self) -> Facts:
        """Facts that no estimator changes: the embedding of the whole picture, to find unusual ones."""
        _, whole = self.game.image_embeddings(np.repeat([[False], [True]], self.game.n_image, axis=1))
        return {"picture": {"embedding": np.round(whole, DIGITS).tolist()}}


class EntryError(Exception):
    """An entry of a data set that cannot be used: its name and place, the kind of fault, and what is wrong."""

    def __init__(self, item: str, index: int, fault: str, reason: str) -> None:
        super().__init__(reason)
        self.item, self.index, self.fault = item, index, fault

    def row(self) -> BadRow:
        """The row that says so, of no model."""
        return BadRow(item=self.item, index=self.index, model="", estimator="", fault=self.fault, reason=str(self))


def opened(dataset: "Dataset", index: int) -> "tuple[Item, Image.Image]":
    """An item of a data set, and its picture.

    Raises:
        EntryError: it cannot be used.
    """
    try:
        item = dataset[index]
    except Exception as error:  # whatever is wrong with one entry, the others go on
        raise EntryError(f"#{index}", index, "error", _sentence(error)) from error
    if isinstance(item, BadItem):
        raise EntryError(item.id, index, item.fault, item.reason)
    if not item.captions:
        raise EntryError(item.id, index, "empty caption", "the item has no caption")
    try:
        return item, item.open()
    except Exception as error:
        raise EntryError(item.id, index, "unreadable picture", _sentence(error)) from error


def _fault(error: Exception) -> Facts:
    """Fault and reason of a row."""
    kind = MACHINE if is_of_machine(error) else "refused" if isinstance(error, FixlipError) else "error"
    return {"fault": kind, "reason": _sentence(error)}


def _sentence(error: Exception) -> str:
    return str(error) if isinstance(error, FixlipError) else f"{type(error).__name__}: {error}"
