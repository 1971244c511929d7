"""Explanations and grounding while a model is trained, for TensorBoard."""

from statistics import fmean, median
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from fixlip.datasets.base import BadItem, Dataset
from fixlip.evaluation.case import seen_objects
from fixlip.metrics import Grounding, grounding

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from fixlip.encoders.base import DualEncoder


class Writer(Protocol):
    """The parts of `torch.utils.tensorboard.SummaryWriter` that are used; other loggers have them, too."""

    def add_scalar(self, tag: str, scalar_value: float, global_step: int) -> Any:
        """Write a number."""

    def add_figure(self, tag: str, figure: "Figure", global_step: int) -> Any:
        """Write a figure."""


class TrainingLog:
    """A callback of a training loop: every so many steps, explanations of a few pictures and how well words point.

    Writes a figure for each picture, ``fixlip/<id of the item>``, and for all objects that captions name the median
    PGE (share of the positive attribution of its words inside its box) and the PGA (share of objects whose words have
    their maximum inside), ``fixlip/PGE`` and ``fixlip/PGA``. The model is explained as it is at that step, in
    evaluation mode, and is then in the mode that it was in.

    Args:
        writer: a `torch.utils.tensorboard.SummaryWriter`, or anything with its ``add_scalar`` and ``add_figure``.
        model: an encoder around the module that is trained: ``fixlip.load_model(module, tokenizer=...)``.
        data: a few items, such as ``fixlip.datasets.load_dataset("scenes:4")``; the first caption of each is explained.
        every: number of steps from one time to the next.
        options: of `fixlip.explain`; 256 image masks and cross pairs unless they say otherwise.

    Example:
        >>> import fixlip
        >>> from fixlip.datasets import load_dataset
        >>> class Printer:
        ...     def add_scalar(self, tag, value, step):
        ...         print(step, tag, 0 <= value <= 1)
        ...     def add_figure(self, tag, figure, step):
        ...         print(step, tag)
        >>> log = TrainingLog(Printer(), fixlip.load_model("demo-clip"), load_dataset("scenes:1"), image_masks=64)
        >>> for step in (99, 100):
        ...     log(step)
        100 fixlip/scene-000000
        100 fixlip/PGE True
        100 fixlip/PGA True
    """

    def __init__(
        self, writer: Writer, model: "DualEncoder", data: Dataset, *, every: int = 100, **options: Any
    ) -> None:
        self.writer, self.model, self.every = writer, model, every
        self.items = [item for item in map(data.__getitem__, range(len(data))) if not isinstance(item, BadItem)]
        self.options: dict[str, Any] = {
            "image_masks": 256,
            "options": {"interactions": "cross"},
            "progress": False,
        } | options

    def __call__(self, step: int) -> None:
        """Write what there is to see after a step, if it is the turn of this one.

        Raises:
            FixlipError: as `fixlip.explain`.
        """
        if step % self.every:
            return
        from fixlip.api.explain import explain
        from fixlip.plots.overview import overview

        scores: list[Grounding] = []
        for item in self.items:
            picture, caption = item.open(), item.captions[0]
            found = explain(picture, caption.text, model=self.model, **self.options)
            self.writer.add_figure(f"fixlip/{item.id}", overview(found), step)
            things = seen_objects(caption.objects, found.players.visible or (0, 0, *picture.size))
            scores += grounding(found, [thing.span for thing in things], [thing.boxes for thing in things])
        if scores:
            self.writer.add_scalar("fixlip/PGE", median(np.nan_to_num([score.pge for score in scores]).tolist()), step)
            self.writer.add_scalar("fixlip/PGA", fmean(score.pga for score in scores), step)
