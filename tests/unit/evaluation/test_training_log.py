"""The callback of a training loop: what it writes, when, and that it leaves the training alone."""

import numpy as np
import pytest
import torch

import fixlip
from fixlip.datasets import load_dataset
from fixlip.evaluation import TrainingLog
from fixlip.metrics import grounding
from tests.helpers.models import encoder_of
from tests.helpers.state import unchanged


class Written:
    """What a SummaryWriter would write."""

    def __init__(self):
        self.numbers, self.figures = {}, []

    def add_scalar(self, tag, value, step):
        self.numbers[tag, step] = value

    def add_figure(self, tag, figure, step):
        self.figures.append((tag, step))


def test_it_writes_what_is_measured_at_that_step(demo_clip):
    data, written = load_dataset("scenes:2"), Written()
    log = TrainingLog(written, demo_clip, data, every=10, image_masks=64)
    for step in (0, 1, 10):
        log(step)
    assert written.figures == [(f"fixlip/{data[k].id}", step) for step in (0, 10) for k in (0, 1)]
    expected = []
    for item in (data[0], data[1]):
        picture, caption = item.open(), item.captions[0]
        found = fixlip.explain(picture, caption.text, model=demo_clip, **log.options)
        boxes = [[tuple(edge / picture.width for edge in box) for box in thing.boxes] for thing in caption.objects]
        expected += grounding(found, [thing.span for thing in caption.objects], boxes)
    for step in (0, 10):
        assert written.numbers["fixlip/PGE", step] == pytest.approx(np.median([score.pge for score in expected]))
        assert written.numbers["fixlip/PGA", step] == pytest.approx(np.mean([score.pga for score in expected]))


def test_the_model_is_explained_as_it_is_and_left_as_it_was():
    encoder, written = encoder_of("open_clip CLIP, ViT"), Written()
    log = TrainingLog(written, encoder, load_dataset("scenes:2"), every=1, image_masks=64)
    encoder.model.train()
    try:
        with unchanged(encoder, but=["open files"]):
            log(1)
        before = encoder.model.visual.proj.detach().clone()
        with torch.no_grad():
            encoder.model.visual.proj.mul_(-1.0)
        log(2)
        with torch.no_grad():
            encoder.model.visual.proj.copy_(before)
    finally:
        encoder.model.eval()
    assert len(written.figures) == 4
    assert written.numbers["fixlip/PGE", 1] != written.numbers["fixlip/PGE", 2]
