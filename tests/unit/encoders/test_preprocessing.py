import numpy as np
import open_clip
import pytest
import torch
from PIL import Image

from fixlip.encoders.preprocessing import Preprocessor, config_of, visible_box
from fixlip.errors import InputError, UnsupportedModelError


def test_the_visible_part():
    assert visible_box((200, 100), (50, 50), "shortest") == (50, 0, 150, 100)
    assert visible_box((200, 100), (50, 50), "squash") == (0, 0, 200, 100)
    assert visible_box((200, 100), (50, 50), "longest") == (0, -50, 200, 150)


@pytest.mark.parametrize("mode", ["shortest", "squash", "longest"])
@pytest.mark.parametrize("shape", [(1, 1), (100, 160), (4, 4000), (4000, 4), (30, 4000)])
def test_preprocessing_is_open_clips_and_shows_what_is_seen(mode, shape):
    array = np.zeros((*shape, 3), dtype=np.uint8)
    array[:, shape[1] // 2 :] = 255
    image = Image.fromarray(array)
    preprocess = Preprocessor({"size": 48, "resize_mode": mode})
    if mode == "longest" and 4000 in shape:
        with pytest.raises(InputError, match="too narrow"):
            preprocess(image)
        return
    x = preprocess(image)
    pixels, shown, notes = x.pixels, x.picture, x.notes
    assert x.size == shape
    assert pixels.shape == (3, 48, 48)
    assert shown.shape == (448, 448, 3)
    assert torch.allclose(pixels, preprocess.transform(image), atol=1e-5)
    assert bool(notes) == (mode == "shortest" and shape != (1, 1))
    halves = [half.mean() for half in np.split(shown.astype(float), 2, axis=1)]
    if mode != "longest" and shape[1] > 1:
        assert halves[1] - halves[0] > 200


def test_what_is_seen_is_never_beyond_the_picture_by_a_rounding_error():
    for width in range(1, 600):
        for side in (48, 49, 112, 224, 336):
            for size in ((width, 600), (600, width)):
                left, top, right, bottom = visible_box(size, (side, side), "shortest")
                assert 0 <= left <= right <= size[0]
                assert 0 <= top <= bottom <= size[1]


@pytest.mark.parametrize("mode", ["shortest", "squash", "longest"])
def test_the_configuration_of_open_clips_own_transform(mode):
    config = {"size": (48, 48), "mean": (0.1, 0.2, 0.3), "std": (0.4, 0.5, 0.6), "resize_mode": mode}
    transform = Preprocessor(config).transform
    found = config_of(transform)
    image = Image.fromarray(np.random.default_rng(0).integers(0, 255, (70, 90, 3), dtype=np.uint8))
    assert torch.equal(Preprocessor(found).transform(image), transform(image))
    assert config_of(config).size == (48, 48)
    assert config_of(open_clip.transform.PreprocessCfg()).size == 224


def test_other_transforms_are_refused():
    for strange in (lambda image: image, open_clip.image_transform(48, is_train=True)):
        with pytest.raises(UnsupportedModelError, match="preprocess_cfg"):
            config_of(strange)
