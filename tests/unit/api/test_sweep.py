from dataclasses import replace

import numpy as np
import pytest
from matplotlib.figure import Figure

import fixlip
from fixlip import BudgetError, FixlipError, InputError, OptionError, plots
from fixlip.cli.arguments import listed
from fixlip.results.provenance import StandardErrors
from fixlip.results.sweep import Sweep, label
from tests.helpers.oracles import assert_close
from tests.helpers.pictures import explanation

FIXED = {"options": {"interactions": "cross"}, "progress": False}


def made_up(option="steps", values=(2, 8, 64), scales=(1.5, 1.1, 1.0), passes=(10, 40, 320), **more):
    """A sweep whose errors are known: each explanation is the last one times a number."""
    last = explanation(**more)
    found = [
        replace(
            last,
            first_order=s * last.first_order,
            second_order=s * last.second_order,
            provenance=replace(last.provenance, image_passes=n, text_passes=5, details={"gap": s - 1}),
        )
        for s, n in zip(scales, passes, strict=True)
    ]
    return Sweep(option, values, tuple(found), found[-1], f"{option} = {values[-1]}")


@pytest.fixture(scope="module")
def swept(demo_clip, scene):
    return fixlip.sweep(
        scene.image, scene.caption, model=demo_clip, option="image_masks", values=(64, 128, 512), **FIXED
    )


def test_the_table_is_of_the_definitions():
    found = made_up()
    rows = found.table()
    assert [row["value"] for row in rows] == [2, 8, 64]
    assert [row["reference"] for row in rows] == [False, False, True]
    assert [row["passes"] for row in rows] == [15, 45, 325]
    assert_close([row["error"] for row in rows], [0.5, 0.1, 0.0], 1e-12)
    assert_close([row["correlation"] for row in rows], [1, 1, 1], 1e-12)
    assert_close([row["stderr"] for row in rows], [0.15] * 3, 1e-12)
    assert_close([row["gap"] for row in rows], [0.5, 0.1, 0.0], 1e-12)
    one, last = found[2], found[64]
    noisy = replace(one, second_order=one.second_order + np.random.default_rng(0).normal(size=one.second_order.shape))
    row = Sweep("steps", (2, 64), (noisy, last), last, "").table()[0]
    assert_close(row["correlation"], np.corrcoef(noisy.cross.ravel(), last.cross.ravel())[0, 1], 1e-12)
    assert_close(row["error"], np.linalg.norm(noisy.cross - last.cross) / np.linalg.norm(last.cross), 1e-12)
    assert row["correlation"] < 0.9


def test_without_pairs_players_are_compared():
    found = made_up(first_only=True)
    assert found.measured == "first-order effects"
    assert_close([row["error"] for row in found.table()], [0.5, 0.1, 0.0], 1e-12)
    assert_close(found.table()[0]["stderr"], 0.05, 1e-12)
    mixed = Sweep("order", (1, 2), (explanation(first_only=True), explanation()), explanation(), "")
    assert mixed.measured == "first-order effects"


def test_what_cannot_be_measured_is_nan():
    found = made_up(stderr=False)
    other = replace(found[64], unit="relevance")
    row = Sweep("steps", (2, 8), found.explanations[:2], other, "").table()[0]
    assert np.isnan([row["error"], row["stderr"]]).all()
    assert row["correlation"] == pytest.approx(1)
    nothing = replace(found[2], second_order=0 * found[2].second_order)
    assert np.isnan(Sweep("steps", (2, 8), (found[2], nothing), nothing, "").table()[0]["error"])


@pytest.mark.slow
def test_on_a_model_it_converges(swept):
    rows = swept.table()
    errors = [row["error"] for row in rows]
    assert errors[0] > 2 * errors[1] > 0 == errors[2]
    assert [row["image_passes"] for row in rows] == [66, 130, 514]
    assert swept.reference is swept[512]
    assert swept.reference_name == "image_masks = 512, the last value"
    assert "cross pairs" in repr(swept)
    assert len(swept.comparison) == len(swept) == 3


@pytest.mark.slow
def test_the_reference_is_what_is_asked_for(swept, demo_clip, scene):
    def run(reference, values=(64, 128)):
        call = {"model": demo_clip, "option": "image_masks", **FIXED}
        return fixlip.sweep(scene.image, scene.caption, values=values, reference=reference, **call)

    given = run(swept[512])
    assert given.reference is swept[512]
    assert given.reference_name == f"the explanation given ({swept[512].index})"
    own = run(512)
    assert own.reference.cross.tobytes() == swept[512].cross.tobytes()
    assert own.reference_name == "image_masks = 512, a separate run"
    assert own.values == (64, 128)
    assert not any(row["reference"] for row in own.table())
    assert own.table()[0]["error"] == swept.table()[0]["error"]
    among = run(64, np.array([64, 128]))
    assert [row["reference"] for row in among.table()] == [True, False]
    with pytest.raises(InputError, match="other players: 49"):
        run(explanation())


@pytest.mark.parametrize(
    ("option", "values", "estimator"),
    [
        ("removal", [{}, {"image": "drop"}], "rollout"),
        ("seed", [0, 1], "banzhaf"),
        ("image_reference", ["zeros", "blur"], "integrated-gradients"),
        ("heads", ["one", "own"], "grad-eclip"),
    ],
)
def test_options_of_the_call_and_of_the_estimator(demo_clip, scene, option, values, estimator):
    more = {"image_masks": 128} if estimator == "banzhaf" else {}
    found = fixlip.sweep(
        scene.image, scene.caption, model=demo_clip, option=option, values=values, estimator=estimator,
        progress=False, **more,
    )  # fmt: skip
    assert [row["value"] for row in found.table()] == values


@pytest.mark.parametrize(
    ("option", "values", "more", "kind", "message"),
    [
        ("pp", [1, 2], {}, OptionError, "Did you mean 'p'"),
        ("budgets", [1, 2], {}, OptionError, "Did you mean 'budget'"),
        ("p", [], {}, OptionError, "at least two values of p"),
        ("p", [0.5], {}, OptionError, "at least two values of p"),
        ("p", "0.3", {}, OptionError, "at least two values of p"),
        ("p", [0.5, 0.5], {}, OptionError, "p = 0.5 is given twice"),
        ("p", [0.5, 1.5], {}, OptionError, "p = 1.5: p must be between 0 and 1"),
        ("p", [0.3, 0.5], {"reference": 2}, OptionError, "p = 2: p must be"),
        ("interactions", ["cross", "al"], {}, OptionError, "interactions = al: .*Did you mean 'all'"),
        ("text_players", ["words", "tokens"], {}, OptionError, "changes the players"),
        ("image_players", ["grid:3", "patches"], {}, OptionError, "changes the players"),
        ("model", ["demo-clip", "demo-siglip"], {}, OptionError, "fixlip.compare"),
        ("budget", [10**4, 10**5], {"budget": 5}, OptionError, "The sweep varies"),
        ("p", [0.3, 0.5], {"options": {"p": 0.7}}, OptionError, "The sweep varies"),
        ("image_masks", [3, 128], {}, BudgetError, "image_masks = 3: .*at least"),
        ("removal", [{}, {"image": "blurr"}], {"image_masks": 64}, OptionError, "removal = image blurr: .*'blur'"),
    ],
)
def test_errors_are_one_clear_line(demo_clip, scene, option, values, more, kind, message):
    with pytest.raises(kind, match=message) as error:
        fixlip.sweep(scene.image, scene.caption, option=option, values=values, model=demo_clip, progress=False, **more)
    assert isinstance(error.value, FixlipError)
    assert "\n" not in str(error.value)


def test_nothing_is_computed_before_all_values_are_checked(demo_clip, scene):
    passes = []
    with pytest.raises(OptionError):
        fixlip.sweep(
            scene.image, scene.caption, option="p", values=[0.3, 1.5], model=demo_clip,
            progress=lambda done, total: passes.append(done),
        )  # fmt: skip
    assert passes == []


def lines(ax):
    """The lines drawn in the panels of the error and of the correlation, and the place of the reference."""
    drawn = [np.array(panel.lines[0].get_data()).T for panel in ax.get_figure(root=True).axes]
    return drawn, [line.get_xdata()[0] for line in ax.lines[1:]]


def test_the_plot_draws_the_table():
    found = made_up(values=(8, 2, 64), scales=(1.1, 1.5, 1.0), passes=(40, 10, 320))
    ax = plots.convergence(found)
    (errors, correlations), reference = lines(ax)
    assert_close(errors, [[2, 0.5], [8, 0.1]], 1e-12)
    assert_close(correlations, [[2, 1], [8, 1]], 1e-12)
    assert reference == [64]
    below = ax.get_figure(root=True).axes[1]
    assert below.get_xscale() == "log"
    assert [t.get_text() for t in below.get_xticklabels()] == ["2", "8", "64"]
    assert (ax.get_ylabel(), below.get_ylabel(), below.get_xlabel()) == ("relative error", "correlation", "steps")
    assert ax.get_title(loc="left") == "cross pairs, against steps = 64"
    assert ax.get_yscale() == "linear"
    assert plots.convergence(made_up(scales=(2.0, 1.01, 1.0))).get_yscale() == "log"


def test_against_passes_and_where_it_is_told_to(tmp_path):
    figure = Figure()
    ax = figure.add_subplot()
    assert plots.convergence(made_up(), x="passes", ax=ax, path=tmp_path / "sweep.png") is ax
    assert_close(lines(ax)[0][0], [[15, 0.5], [45, 0.1]], 1e-12)
    assert lines(ax)[1] == [325]
    assert (tmp_path / "sweep.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(InputError, match="Cannot write"):
        plots.convergence(made_up(), path=tmp_path / "none" / "sweep.png")


@pytest.mark.parametrize(
    ("option", "values"),
    [
        ("removal", ({}, {"image": "drop"}, {"text": "delete"})),
        ("seed", (0, 1, 2)),
        ("layer", (0, 4, -1)),
        ("nodes", (None, 4, 8)),
    ],
)
def test_values_without_a_scale_are_points(option, values):
    ax = plots.convergence(made_up(option=option, values=values))
    (errors, _), reference = lines(ax)
    assert_close(errors, [[0, 0.5], [1, 0.1]], 1e-12)
    assert reference == [2]
    assert ax.lines[0].get_linestyle() == "None"
    texts = [t.get_text() for t in ax.get_figure(root=True).axes[1].get_xticklabels()]
    assert texts == [label(value) for value in values]


def test_it_shows_itself():
    found = made_up(option="<b>", stderr=False)
    bundle = found._repr_mimebundle_()
    assert bundle["image/png"].startswith("iVBOR")
    page = bundle["text/html"]
    assert "<b>" not in page
    assert page.count("<tr>") == 8
    assert "<td>64 *</td>" in page
    assert "standard error" not in page
    assert bundle["text/plain"] == repr(found)
    assert "<table" in made_up()._repr_mimebundle_()["text/html"]


@pytest.mark.slow
def test_the_command_line(cli, scene, tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    photo, saved = tmp_path / "photo.png", tmp_path / "found"
    scene.image.save(photo)
    base = ("sweep", photo, "a dog and a bus", "--model", "demo-clip", "--fixed", "interactions=cross")
    masks = ("--option", "image_masks", "--values", "64,128")
    code, out, err = cli(*base, *masks, "--png", tmp_path / "s.png")
    assert (code, err) == (0, "")
    assert max(map(len, out.splitlines()[:8])) <= 80
    for fact in ("measured against image_masks = 128", "128 *", "66 + ", "130 + ", "correlation", "wrote"):
        assert fact in out
    assert (tmp_path / "s.png").exists()
    found = fixlip.explain(scene.image, "a dog and a bus", model="demo-clip", image_masks=256, **FIXED)
    found.save(saved)
    assert "the explanation given" in cli(*base, *masks, "--against", saved)[1]
    assert "image_masks = 256, a separate run" in cli(*base, *masks, "--reference", "256")[1]
    for flags, hint in (
        (("--option", "pp", "--values", "1,2"), "Did you mean 'p'"),
        (("--option", "p", "--values", "0.3"), "at least two"),
        ((*masks, "--against", tmp_path / "none"), "No file"),
        ((*masks, "--png", tmp_path / "none" / "s.png"), "No folder"),
    ):
        code, out, err = cli(*base, *flags)
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert hint in err


def test_lists_on_the_command_line():
    assert listed("0.3,0.5") == [0.3, 0.5]
    assert listed("zeros, mean,4") == ["zeros", "mean", 4]
    assert listed('{"image": "drop"},{}') == [{"image": "drop"}, {}]


def test_standard_errors_belong_to_what_is_compared():
    one = explanation()
    errors = StandardErrors(0.0, np.full(len(one.players), 7.0), np.full((len(one.players),) * 2, 2.0))
    assert Sweep("p", (1,), (replace(one, stderr=errors),), one, "").table()[0]["stderr"] == 2
