"""Faults in a training: the model is whole, the last checkpoint stays, and the run goes on from it."""

import os

import pytest
import torch

from fixlip.errors import InputError, NotEnoughMemoryError
from fixlip.training import Recipe, train
from tests.helpers.faults import ERRORS, faulty
from tests.helpers.state import of_module, unchanged
from tests.unit.test_training import NORMAL, start

RECIPE = Recipe(4, 1e-3, warmup=1, patch=(16, 16))
STEP = 11  # norms of a step
GOES_ON = "the error in one line; the last checkpoint stays, and the run that goes on ends with the same bits"


class FaultError(Exception):
    """An error of the user's data."""


def go(model, batches, folder):
    train(model, batches, RECIPE, folder, normalise=NORMAL, workers=0, save_every=1)


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    model, noise = start("open_clip CLIP, ViT")
    go(model, noise, tmp_path_factory.mktemp("whole"))
    return of_module(model)["weights"]


@pytest.mark.parametrize("error", [ERRORS["CUDA"], FaultError, KeyboardInterrupt], ids=["memory", "own", "Ctrl-C"])
def test_a_step_that_fails(error, tmp_path, expected):
    for at in (1, STEP + 3, 3 * STEP):
        model, noise = start("open_clip CLIP, ViT")
        model.eval()
        folder = tmp_path / str(at)
        of_memory = error in ERRORS.values()
        expects = pytest.raises(NotEnoughMemoryError if of_memory else error)
        with (
            unchanged(model, but=["tensor", "weights"]),
            faulty(type("Of", (), {"model": model}), error, at=at),
            expects,
        ):
            go(model, noise, folder)
        again, noise = start("open_clip CLIP, ViT")
        go(again, noise, folder)
        assert of_module(again)["weights"] == expected
        assert sorted(path.name for path in folder.iterdir()) == ["checkpoint.pt", "log.jsonl"]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), RuntimeError("PytorchStreamWriter failed")])
def test_a_full_disk(error, tmp_path, expected, monkeypatch):
    model, noise = start("open_clip CLIP, ViT")
    fsync, calls = os.fsync, []

    def full(number):
        calls.append(number)
        if len(calls) == 3:
            raise error
        return fsync(number)

    with monkeypatch.context() as patched:
        save = torch.save
        patched.setattr(torch, "save", lambda state, file: (save(state, file), full(file.fileno())))
        with pytest.raises(InputError, match=r"^Cannot write '.*checkpoint.pt': .*$"):
            go(model, noise, tmp_path)
    assert torch.load(tmp_path / "checkpoint.pt", weights_only=True)["step"] == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint.pt", "log.jsonl"]
    again, noise = start("open_clip CLIP, ViT")
    go(again, noise, tmp_path)
    assert of_module(again)["weights"] == expected
