"""The recipe of CONTRIBUTING for a data set, followed to the letter: one class, one line, and everything knows it."""

import pytest
from PIL import Image

from fixlip import OptionError
from fixlip.cli import completion
from fixlip.datasets import SOURCES, Source, list_datasets, load_dataset
from fixlip.datasets.base import Caption, Item
from fixlip.evaluation import Plan, evaluate, read


class Grey:
    """Grey pictures from a folder that is not there."""

    def __init__(self, root, *, shade=128, n=2):
        self.name, self.root, self.shade, self.n = "grey", root, shade, n

    def __len__(self):
        return self.n

    def __getitem__(self, index):
        picture = Image.new("RGB", (64, 64), (self.shade,) * 3)
        return Item(f"{self.root}-{index}", picture, (Caption("a grey picture"),))


@pytest.fixture(autouse=True)
def line(monkeypatch):
    source = Source(f"{__name__}:Grey", "root", "grey:/path")
    monkeypatch.setattr(Source, "load", lambda self, load=Source.load: Grey if self is source else load(self))
    monkeypatch.setitem(SOURCES, "grey", source)


def test_it_is_loaded_by_name():
    data = load_dataset("grey:somewhere", shade=7)
    assert (len(data), data[1].id, data[0].open().getpixel((0, 0))) == (2, "somewhere-1", (7, 7, 7))
    assert "grey" in list_datasets()
    with pytest.raises(OptionError, match="shade"):
        load_dataset("grey:x", shad=1)
    with pytest.raises(OptionError, match="on disk"):
        load_dataset("grey")


def test_it_is_offered_and_evaluated(tmp_path):
    assert completion.data("gr") == ["grey:"]
    plan = Plan(("insertion-deletion",), "grey:here shade=90 n=1", ("demo-clip",), ("itsm",))
    assert evaluate(plan, tmp_path, progress=False).evaluated == 1
    assert {row.item for row in read(tmp_path)} == {"here-0"}


@pytest.mark.parametrize("name", sorted(SOURCES))
def test_every_line_leads_to_a_class_with_that_parameter(name):
    from inspect import signature

    source = SOURCES[name]
    assert next(iter(signature(source.load()).parameters)) == source.first
    assert source.example.strip("'").startswith(f"{name}:")
