"""The picture that is shown, and the part that is named, are what goes into the model; or it is refused."""

from dataclasses import replace

import numpy as np
import pytest
from torch.nn.functional import interpolate

import fixlip
from fixlip.errors import UnsupportedModelError
from fixlip.games.shown import check_shown
from tests.helpers.models import Processor, encoder_of, folder, picture

SIDE = {"height": 48, "width": 48}
PROCESSORS = {  # options of CLIPImageProcessor, and the part of 80 x 60 pixels that is left
    "squashed": ({"size": SIDE, "crop_size": SIDE}, (0, 0, 80, 60)),
    "squashed, then cropped": ({"size": {"height": 60, "width": 96}, "crop_size": SIDE}, (20, 6, 60, 54)),
    "cropped": ({"size": {"shortest_edge": 48}, "crop_size": SIDE}, (10, 0, 70, 60)),
    "cropped closely": ({"size": {"shortest_edge": 60}, "crop_size": SIDE}, (16, 6, 64, 54)),
    "not resized": ({"do_resize": False, "crop_size": SIDE}, (16, 6, 64, 54)),
    "not cropped": ({"size": SIDE, "do_center_crop": False}, (0, 0, 80, 60)),
    "padded": ({"size": {"shortest_edge": 40}, "crop_size": SIDE}, (4, -6, 76, 66)),
    "nearest": ({"size": SIDE, "crop_size": SIDE, "resample": 0}, (0, 0, 80, 60)),
}


def clip_with(**options):
    from transformers import CLIPImageProcessor, CLIPTokenizerFast

    words = CLIPTokenizerFast.from_pretrained(folder("clip"))
    model = encoder_of("transformers CLIPModel").model
    return fixlip.load_model(model, preprocess=Processor(CLIPImageProcessor(**options), words))


@pytest.mark.parametrize("kind", PROCESSORS)
def test_processors_are_followed(kind):
    options, visible = PROCESSORS[kind]
    encoder = clip_with(**options)
    x = encoder.image_input(picture())
    np.testing.assert_allclose(x.visible, visible, atol=1e-9)
    seen = (x.visible[2] - x.visible[0]) * (x.visible[3] - x.visible[1]) / 4800
    assert bool(x.notes) == (seen < 0.7)
    check_shown(encoder, (60, 80), "image")


FAULTS = {
    "mirrored": lambda p: p.flip(2),
    "upside down": lambda p: p.flip(1),
    "blue for red": lambda p: p.flip(0),
    "inverted": lambda p: -p,
    "turned": lambda p: p.rot90(1, (1, 2)),
    "grey": lambda p: p.mean(0, keepdim=True).expand(3, -1, -1),
    "zoomed": lambda p: interpolate(p[None, :, 3:45, 3:45], (48, 48), mode="bilinear")[0],
    "moved by a pixel": lambda p: p.roll(1, 1),
}


class Changed:
    """An encoder whose pictures are changed before they go into the model."""

    def __init__(self, encoder, change):
        self.encoder, self.change = encoder, change

    def __getattr__(self, name):
        return getattr(self.encoder, name)

    def image_input(self, image):
        return self.change(self.encoder.image_input(image))


@pytest.mark.parametrize("fault", FAULTS)
def test_pixels_that_are_not_shown_are_refused(fault):
    changed = Changed(encoder_of("open_clip CLIP, ViT"), lambda x: replace(x, pixels=FAULTS[fault](x.pixels)))
    with pytest.raises(UnsupportedModelError, match="picture that is shown is not what its preprocessing gives"):
        fixlip.explain(picture(), "a dog", model=changed, image_masks=32, progress=False)


def test_a_part_that_is_named_wrongly_is_refused():
    changed = Changed(encoder_of("open_clip CLIP, ViT"), lambda x: replace(x, visible=(0.0, 0.0, *x.size[::-1])))
    with pytest.raises(UnsupportedModelError, match="part that is named"):
        fixlip.explain(picture(), "a dog", model=changed, image_masks=32, progress=False)


@pytest.mark.parametrize("mode", ["shortest", "squash", "longest"])
@pytest.mark.parametrize("size", [(1, 1), (8, 8), (60, 80), (300, 700), (33, 500), (1000, 20)])
def test_right_preprocessing_passes_at_any_size(mode, size):
    from fixlip.encoders import Pixels, from_callables

    tower = Pixels(lambda pixels: pixels.mean((2, 3)) + 1, size=48, grid=(2, 2), resize=mode)
    check_shown(from_callables(tower, tower), size, "image")
    check_shown(from_callables(tower, tower), size, "text")
