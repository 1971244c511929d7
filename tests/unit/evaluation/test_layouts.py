"""Data sets in their official layouts, sound and faulty, through the whole command and its report."""

import re
from collections import Counter

import pytest

from fixlip import specs
from fixlip.evaluation import read
from fixlip.evaluation.records import BadRow, ExplainedRow
from tests.helpers.layouts import FAULTS, WRITERS

METRICS = {
    "coco": ["grounding", "perturbation"],
    "flickr30k": ["grounding", "perturbation"],
    "mosaics": ["pointing-game"],
    "foils": ["foils"],
}
MODELS, ESTIMATORS = ("demo-clip", "demo-siglip"), ("itsm", "mask-clip")


@pytest.mark.slow
@pytest.mark.parametrize("faults", [(), FAULTS], ids=lambda f: "+".join(f) or "sound")
@pytest.mark.parametrize("name", WRITERS)
def test_whole_command(cli, tmp_path, name, faults):
    layout = WRITERS[name](tmp_path / "data with spaces", 2, faults=faults)
    models = [word for model in MODELS[: 1 + (not faults)] for word in ("--model", model)]
    chosen = [word for estimator in ESTIMATORS for word in ("--estimator", estimator)]
    data = specs.written(layout.spec, layout.options)
    code, out, err = cli("evaluate", *METRICS[name], "--data", data, *models, *chosen, "--out", tmp_path / "out")
    assert code == 0, err
    rows = read(tmp_path / "out")
    good = {row.item for row in rows if isinstance(row, ExplainedRow)}
    bad = Counter(row.fault for row in rows if isinstance(row, BadRow) and not row.model)
    assert len(good) == layout.good
    assert bad == layout.bad
    assert f"{layout.good} of {len(layout)} items evaluated" in out
    assert Counter({f: int(n) for n, f in re.findall(r"skipped: (\d+) x (.+)", out)}) == layout.bad
    for row in rows:
        if isinstance(row, ExplainedRow):
            assert all(row.metrics[metric] is not None for metric in METRICS[name]), row.item
    code, out, err = cli("report", tmp_path / "out", "--markdown", tmp_path / "r.md", "--html", tmp_path / "r.html")
    assert code == 0, err
    page = (tmp_path / "r.md").read_text("utf-8")
    for fault, count in layout.bad.items():
        assert re.search(rf"\| *{fault} *\| *{count} *\|", page), page


@pytest.mark.parametrize(
    ("name", "broken"), [("coco", "annotations/instances_val2017.json"), ("flickr30k", "test.txt")]
)
def test_what_is_missing_is_named(cli, tmp_path, name, broken):
    layout = WRITERS[name](tmp_path / "data", 2)
    (tmp_path / "data" / broken).unlink()
    data = specs.written(layout.spec, layout.options)
    code, out, err = cli(
        "evaluate",
        "grounding",
        "--data",
        data,
        "--model",
        "demo-clip",
        "--estimator",
        "itsm",
        "--out",
        tmp_path / "out",
    )
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert broken in err
