import json
import re
import time
from html import unescape

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from fixlip import InputError, OptionError, plots
from fixlip.evaluation.plan import Plan
from fixlip.evaluation.report import report, stored
from fixlip.evaluation.report.blocks import Examples, Strip, Table, short_names
from fixlip.evaluation.report.examples import Shot, Shots
from fixlip.evaluation.report.tables import headline_tables, strip
from fixlip.evaluation.run import evaluate
from fixlip.metrics import grounding
from tests.helpers import results
from tests.helpers.pictures import explanation
from tests.helpers.results import summarise

EVIL = '<script>alert("1")</script> & "a|b" `c` ![x](http://e.vil/y.png) *d* <b>'


@pytest.fixture(scope="module")
def rows():
    return results.rows(24, better=0.1)


def stand_in(row, place):
    """An explanation made up for the eye, with a box on its first object."""
    made = explanation(caption=row.caption, words=row.caption.split())
    return Shot(made, None if place is None else (2, 5), [(0.1, 0.1, 0.4, 0.4)], [(0.5, 0.5, 0.9, 0.9)])


def tables(found):
    return [b for section in found.sections for b in section.blocks if isinstance(b, Table)]


def shown(found):
    return [e for section in found.sections for b in section.blocks if isinstance(b, Examples) for e in b.examples]


@pytest.mark.slow
def test_both_forms_say_the_same(rows, tmp_path):
    folder = results.write(tmp_path, rows)
    found = report(folder, html=tmp_path / "r.html", markdown=tmp_path / "r.md", explain=stand_in)
    page, text = ((tmp_path / name).read_text("utf-8") for name in ("r.html", "r.md"))
    assert [s.title for s in found.sections] == [
        "Overview", "Typical explanations", "Results", "Models compared", "Estimators compared", "Kinds of objects",
        "Failures", "Skipped items and warnings", "How it was run",
    ]  # fmt: skip
    for section in found.sections[1:]:
        assert f'id="{section.anchor}"' in page
        assert f"## {section.title}" in text
    pge = next(h for h in found.summary.headlines if h["figure"] == "PGE")
    for form in (page, text):
        assert f"{pge['value']:.2f}" in form
        assert f"{pge['low']:.2f} to {pge['high']:.2f}" in form
        assert "is damaged." in form.replace("\\", "")
        assert "same as scene-000" in form
    figures = sorted(path.name for path in (tmp_path / "r-figures").iterdir())
    assert len(figures) == len(found.images()) == len(re.findall(r"\]\(r-figures/", text))
    for name in figures:
        assert f"(r-figures/{name})" in text
        with Image.open(tmp_path / "r-figures" / name) as image:
            assert np.asarray(image.convert("L")).std() > 5
    assert page.count("data:image/webp") == len([e for e in shown(found) if e.image])
    assert page.count("data:image/svg+xml") == 2 * len([name for name in figures if name.startswith("curves")])


@pytest.mark.slow
def test_the_page_asks_nobody_for_anything(rows, tmp_path):
    page = report(results.write(tmp_path, rows), examples=0).to_html()
    assert "default-src 'none'; img-src data:; style-src 'sha256-" in unescape(page)
    assert "<script" not in page
    assert not re.findall(r'(?:src|srcset|href)="(?!data:|#)', page)
    assert " style=" not in page.split("</style>")[1]


@pytest.mark.slow
def test_it_shows_itself_in_a_notebook(rows, tmp_path):
    found = report(results.write(tmp_path, rows), examples=0)
    shown = found._repr_mimebundle_()
    assert unescape(shown["text/html"].split('srcdoc="')[1].split('"')[0]) == found.to_html()
    assert shown["text/plain"] == f"Report({found.title!r})"


@pytest.mark.slow
def test_captions_and_reasons_are_text(tmp_path):
    found = results.rows(4)
    for row in found:
        row |= {"caption": EVIL, "item": row["item"] + EVIL} if row["estimator"] else {"reason": EVIL}
        for values in row.get("metrics", {}).get("grounding", {}).get("objects", []):
            values["name"] = EVIL
    folder = results.write(tmp_path, found, results.SETTINGS | {"data": EVIL})
    made = report(folder, explain=stand_in)
    page, text = made.to_html(), made.to_markdown("figures")
    assert EVIL not in page
    assert page.count("<script") == 0
    assert '<b>"' not in page
    assert "&lt;script&gt;alert" in page
    assert "<script" not in text
    assert "](http" not in text
    assert "a|b" not in text
    assert all(line.count("|") - line.count("\\|") > 2 for line in text.splitlines() if line.startswith("|"))
    assert all(re.fullmatch(r"[\w.=-]+", name) for name in made.images())


@pytest.mark.slow
def test_examples_have_a_page_of_their_own(rows, tmp_path):
    found = report(results.write(tmp_path, rows), html=tmp_path / "my report.html", explain=stand_in)
    shown_here = [e for e in shown(found) if e.explanation is not None]
    gallery = found.gallery()
    assert [e.explanation for e in shown_here] == list(gallery.explanations)
    assert gallery.labels[0].startswith("Typical: “")
    page, beside = (tmp_path / "my report.html").read_text("utf-8"), tmp_path / "my report-examples.html"
    links = re.findall(r'<a href="([^"]*-examples.html[^"]*)"', page)
    assert links == [f"my%20report-examples.html#show-{k}" for k in range(len(shown_here))]
    assert beside.read_text("utf-8") == gallery.to_html()
    assert "-examples" not in found.to_html()
    none = report(tmp_path, html=tmp_path / "none.html", examples=0)
    assert none.gallery() is None
    assert not (tmp_path / "none-examples.html").exists()


@pytest.mark.slow
def test_the_same_rows_give_the_same_bytes(rows, tmp_path):
    one, other = tmp_path / "one", tmp_path / "other"
    for folder, given in ((one, rows), (other, rows[::-1])):
        folder.mkdir()
        results.write(folder, given)
    assert report(one, explain=stand_in).to_html() == report(other, explain=stand_in).to_html()


@pytest.mark.slow
def test_examples_are_the_worst_and_the_middle(rows, tmp_path):
    asked = []

    def explain(row, place):
        asked.append((row.model, row.estimator, row.item, place))
        return stand_in(row, place)

    found = report(results.write(tmp_path, rows), examples=1, explain=explain)
    assert {(model, estimator) for model, estimator, *_ in asked} == {(m, "banzhaf") for m in results.MODELS}
    typical = shown(found)[0]
    values = sorted(
        thing["pge"]
        for row in rows
        if (row["model"], row["estimator"]) == ("demo-clip", "banzhaf")
        for thing in row["metrics"]["grounding"]["objects"]
    )
    assert f"PGE {values[len(values) // 2]:.2f}" in typical.facts[-1]
    assert typical.caption == [("a ", False), ("dog", True), (" and a car", False)]
    unusual = [e for e in shown(found) if e is not typical][-1]
    assert unusual.image is not None


@pytest.mark.slow
def test_what_cannot_be_explained_again_is_a_sentence(rows, tmp_path):
    few = [row for row in rows if row["index"] < 6]
    found = report(results.write(tmp_path, few))  # scenes have other names and captions than these rows
    assert all(e.image is None and e.sentence.startswith("Not shown: The data set at hand") for e in shown(found))
    found = report(results.write(tmp_path, few, results.SETTINGS | {"data": "coco:/nowhere"}))
    assert all(e.sentence.startswith("Not shown: ") and "nowhere" in e.sentence for e in shown(found))

    def broken(row, place):
        raise RuntimeError("no weights")

    assert {e.sentence for e in shown(report(tmp_path, explain=broken))} == {"Not shown: RuntimeError: no weights"}
    assert shown(report(tmp_path, examples=0)) == []


def test_folders_with_little_in_them(rows, tmp_path):
    with pytest.raises(InputError, match="No folder"):
        report(tmp_path / "none")
    with pytest.raises(InputError, match=r"No results in .*fixlip evaluate"):
        report(tmp_path)
    with pytest.raises(OptionError, match="-1"):
        report(tmp_path, examples=-1)
    bad = report(results.write(tmp_path, [results.bad(0), results.bad(1)], None))
    assert "Nothing could be measured" in bad.to_html()
    assert bad.title == "Evaluation"
    assert bad.lead == ""
    one = [row for row in rows if row["model"] != "demo-siglip" and row["estimator"] in ("", "itsm")]
    made = report(results.write(tmp_path, one, None), explain=stand_in)
    assert {"Models compared", "Estimators compared"}.isdisjoint(s.title for s in made.sections)
    assert "●" not in "".join(made.to_markdown().split("## Results")[1:])
    only = [results.row(0, "m", "e", {"faithfulness": {"spearman": 0.4}})]
    plain = report(results.write(tmp_path, only), explain=stand_in)
    assert plain.failures is None
    assert [e.caption for e in shown(plain)] == [[("a dog and a car", False)]]
    with pytest.raises(InputError, match="Cannot write"):
        report(tmp_path, html=tmp_path / "none" / "r.html", examples=0)


def test_the_answer_comes_first(tmp_path):
    def answer(name, *values):
        (tmp_path / name).mkdir()
        found = [
            results.row(item, model, "banzhaf", {"faithfulness": {"spearman": value + 0.01 * item}})
            for model, value in values
            for item in range(4)
        ]
        return report(results.write(tmp_path / name, found, None), examples=0).lead

    assert answer("one", ("a", 0.4)) == "On a, banzhaf has a mean Spearman of 0.42 (0.41 to 0.43), chance 0.00."
    assert answer("apart", ("a", 0.4), ("b", 0.6)).endswith(
        "On the 4 items that both have, b is better by 0.20 to 0.20."
    )
    assert answer("alike", ("a", 0.4), ("b", 0.4)).endswith(
        "The 4 items that both have do not tell the two models apart."
    )


def test_best_and_close_are_marked(rows):
    summary = summarise(rows)
    blocks = dict(headline_tables(summary))
    first = [row for row in blocks["grounding"][0].rows if row[0].mark != "group"]
    assert [(row[0].text, row[1].mark) for row in first] == 2 * [
        ("banzhaf", "best"), ("grad-eclip", ""), ("itsm", ""),
    ]  # fmt: skip
    stability = [row[1].mark for row in blocks["stability"][0].rows if row[0].mark != "group"]
    assert sorted(stability) == ["best", "best", "close", "close", "close", "close"]
    assert {h.text for h in blocks["pointing-game"][0].headings[1:-1]} == {f"PGR k={k} ↑" for k in range(1, 5)}


def test_a_strip_is_to_scale():
    assert strip((-1.0, 1.0), 0.5, 0.0, 3.0, chance=-0.5) == Strip(75.0, 50.0, 100.0, (("chance", 25.0),))
    assert strip((0.0, 1.0), 0.5, None, None, ceiling=None) == Strip(50.0, None, None, ())


def test_names_keep_what_tells_them_apart():
    assert short_names(["rise", "rise p=0.2"]) == {"rise": "rise", "rise p=0.2": "rise p=0.2"}


@pytest.mark.slow
def test_a_run_is_reported_with_its_own_explanations(tmp_path):
    """From the command that measures to the page: the map that is shown is the one that was measured."""
    plan = Plan(("grounding",), "scenes:4", ("demo-clip",), ("banzhaf image_masks=64 interactions=cross", "rollout"))
    evaluate(plan, tmp_path, examples=1, progress=False)
    seen = []
    again = Shots(plan)

    def explain(row, place):
        shot = again(row, place)
        seen.append((row, place, shot))
        return shot

    found = report(tmp_path, explain=explain, examples=1)
    assert all(e.image for e in shown(found))
    assert len(shown(found)) > 1
    stored = report(tmp_path, examples=9)  # as many as there are
    assert stored.to_html() == found.to_html()
    assert [len(list((tmp_path / "examples").glob(f"*.{end}"))) for end in ("fixlip", "json")] == [len(seen)] * 2
    for row, place, shot in seen:
        thing = row.metrics["grounding"]["objects"][place]
        assert row.caption[slice(*shot.span)] == thing["name"]
        (left, top, right, bottom), *more = shot.boxes
        assert (right - left) * (bottom - top) == pytest.approx(thing["area"], abs=1e-6)
        assert more == []
        assert len(shot.others) == len(row.metrics["grounding"]["objects"]) - 1
        assert shot.boxes[0] not in shot.others
        measured = grounding(shot.explanation, [shot.span], [shot.boxes])[0].pge
        assert measured == pytest.approx(thing["pge"], abs=1e-6)


@pytest.mark.slow
def test_stored_examples_may_be_hostile(rows, tmp_path, monkeypatch):
    run = results.write(tmp_path, [row for row in rows if row["index"] < 6])
    assert shown(report(run)) == []  # none is stored, and none is made

    def keep(row, place):
        stored._write(run / stored.FOLDER, stored._name(row, place), stand_in(row, place))
        return stand_in(row, place)

    made = shown(report(run, explain=keep, examples=1))
    assert [e.sentence for e in shown(report(run))] == [""] * len(made)
    first, second = sorted((run / stored.FOLDER).glob("*.fixlip"))[:2]
    outside = tmp_path.parent / f"{tmp_path.name}.fixlip"
    first.rename(outside)
    first.symlink_to(outside)
    second.with_suffix(".json").write_text('{"span": ["a", 1], "boxes": [], "others": []}')
    sentences = sorted(filter(None, (e.sentence for e in shown(report(run)))))
    assert len(sentences) == 2
    assert "does not hold the places" in sentences[0]
    assert "leads out of the folder" in sentences[1]
    monkeypatch.setattr(stored, "MOST", 0)
    assert sum("at most 0, of" in e.sentence for e in shown(report(run))) == len(made) - 1
    outside.unlink()


def test_the_command(cli, rows, tmp_path):
    folder = results.write(tmp_path, rows)
    code, out, err = cli(
        "report", folder, "--html", tmp_path / "r.html", "--markdown", tmp_path / "r.md", "--examples", 0
    )
    assert (code, err) == (0, "")
    for said in (
        "Grounding",
        "PGE",
        "banzhaf",
        "chance",
        "demo-siglip minus demo-clip",
        "24 items evaluated, 2 skipped",
    ):
        assert said in out
    assert f"wrote {tmp_path / 'r.html'}" in out.replace("\n", "")
    assert (tmp_path / "r.html").stat().st_size > 10_000
    code, _, err = cli("report", tmp_path / "none")
    assert (code, err.count("\n")) == (2, 1)
    code, _, err = cli("report", folder, "--html", tmp_path / "none" / "r.html")
    assert (code, "No folder" in err) == (2, True)


def test_curves_are_drawn_as_they_are():
    x = [0.0, 0.5, 1.0]
    given = [
        {"estimator": "a", "curve": "insertion", "fractions": x, "values": [0, 0.9, 1]},
        {"estimator": "a", "curve": "deletion", "fractions": x, "values": [0, 0.1, 1]},
        {"estimator": "b$", "curve": "insertion", "fractions": x, "values": [0, 0.5, 1]},
    ]
    ax = plots.curves(given, ax=Figure().add_subplot())
    assert [list(line.get_ydata()) for line in ax.lines] == [row["values"] for row in given]
    colours, styles = [line.get_color() for line in ax.lines], [line.get_linestyle() for line in ax.lines]
    assert colours[0] == colours[1] != colours[2]
    assert styles[0] == styles[2] != styles[1]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["a", r"b\$"]
    plots.curves([])
    with pytest.raises(ValueError, match="at most 8 estimators, got 9"):
        plots.curves([given[0] | {"estimator": str(k)} for k in range(9)])


def test_grounding_is_the_map_and_the_box():
    found = explanation()
    ax = plots.grounding(found, "dog", [(0.25, 0.5, 0.5, 0.75)], others=[(0, 0, 0.1, 0.1)])
    assert np.allclose(np.asarray(ax.images[-1].get_array()), found.heatmap("dog"))
    boxes = [patch.get_bbox().extents for patch in ax.patches]
    assert np.allclose(boxes[-1], [112, 224, 224, 336])
    assert np.allclose(boxes[0], [0, 0, 44.8, 44.8])
    first = plots.grounding(explanation(first_only=True), "dog")
    assert np.allclose(np.asarray(first.images[-1].get_array()), explanation(first_only=True).heatmap(order=1))


@pytest.mark.slow
def test_many_items_are_reported_soon(tmp_path):
    """10,000 items took 35 s: the resamples of every figure were drawn anew, and each label of each row was parsed."""
    rng = np.random.default_rng(0)
    found = []
    for item, pges in enumerate(rng.random((10_000, 2, 2))):
        for estimator, pair in zip(("banzhaf", "itsm"), pges.tolist(), strict=True):
            things = [results.grounded_object(results.NAMES[(item + k) % 6], pge) for k, pge in enumerate(pair)]
            measured = {
                "grounding": {"objects": things},
                "faithfulness": {"p": 0.5, "spearman": pair[0], "r2": pair[1]},
            }
            found.append(results.row(item, "demo-clip", estimator, measured))
    results.write(tmp_path, found)
    start = time.process_time()
    assert report(tmp_path, examples=0, html=tmp_path / "page.html").summary.counts["evaluated"] == 10_000
    assert time.process_time() - start < 15


def test_rows_are_json(rows):
    assert json.loads(json.dumps(rows)) == rows
