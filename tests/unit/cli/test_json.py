"""`--json`: one document on standard output, with the numbers of the result."""

import json

import numpy as np
import pytest

import fixlip
from fixlip.cli import documents
from tests.helpers.oracles import assert_close

FAST = ("--model", "demo-clip", "--image-masks", "128", "--option", "interactions=cross")


@pytest.fixture
def told(cli):
    """The document that a command prints, and what it notes."""

    def run(*arguments):
        code, out, err = cli(*arguments, "--json")
        assert code == 0, err
        assert out.count("\n") == 1
        return json.loads(out, parse_constant=lambda name: pytest.fail(f"{name} is no JSON")), err

    return run


def test_an_explanation_is_whole_and_not_rounded(told, photo, tmp_path):
    found, err = told("explain", photo, "a zebra 一", *FAST, "--save", tmp_path / "e", "--top", "2", "--curves")
    truth = fixlip.Explanation.load(tmp_path / "e")
    assert found["schema"] == "fixlip/explanation/1"
    assert found["caption"] == "a zebra 一"
    assert found["similarity"] == truth.full_value
    assert found["provenance"]["r2"] == truth.provenance.r2
    assert found["share"] == truth.share()
    assert [p["label"] for p in found["text"]] == [p.label for p in truth.players.text]
    n = truth.players.n_image
    assert found["first_order"]["image"] + found["first_order"]["text"] == truth.first_order.tolist()
    assert_close(np.array(found["cross"]), truth.cross, 1e-15)
    assert found["within"] == {"image": None, "text": None}
    assert_close(np.array(found["stderr"]["cross"]), truth.stderr.second_order[:n, n:], 1e-15)
    assert [p["value"] for p in found["top_pairs"]] == [p.value for p in truth.top_pairs(2)]
    assert found["curves"]["deletion"][0] == pytest.approx(truth.full_value)
    assert "never learned 'zebra'" in err
    assert f"wrote {tmp_path / 'e'}" in err


def test_what_an_estimator_does_not_give_is_null(told, photo):
    found, _ = told("explain", photo, "a dog", "--model", "demo-clip", "--estimator", "rollout")
    assert found["cross"] is None
    assert found["stderr"] is None
    assert found["curves"] is None
    assert found["provenance"]["r2"] is None
    assert found["first_order"]["image"][0] is not None


@pytest.mark.slow
def test_captions_are_ranked_and_contrasted(told, photo):
    found, err = told("explain", photo, "a dog", "--against", "a zebra", *FAST)
    assert found["schema"] == "fixlip/contrast/1"
    assert found["captions"] == ["a dog", "a zebra"]
    difference = found["first"]["similarity"] - found["second"]["similarity"]
    assert sum(row["difference"] for row in found["rows"]) == pytest.approx(difference)
    assert found["difference"]["similarity"] == pytest.approx(difference)
    assert {one["caption"] for one in found["ranking"]["captions"]} == {"a dog", "a zebra"}
    assert "never learned 'zebra'" in err
    cost, _ = told("explain", photo, "a dog", "--against", "a zebra", *FAST, "--dry-run")
    assert (cost["schema"], cost["image_passes"]) == ("fixlip/cost/1", 130)


@pytest.mark.slow
def test_a_comparison_and_a_gallery_hold_their_explanations(told, photo, tmp_path):
    call = ("--model", "demo-clip", "--image-masks", "128", "--save", tmp_path / "both")
    found, _ = told("compare", photo, "a dog", *call, "--estimator", "banzhaf p=0.3", "--estimator", "banzhaf p=0.7")
    assert found["schema"] == "fixlip/comparison/1"
    assert found["labels"] == ["banzhaf p=0.3", "banzhaf p=0.7"]
    assert np.shape(found["agreement"]) == (2, 2)
    files = sorted(tmp_path.glob("both-*"))
    again, _ = told("view", *files)
    assert again["explanations"] == found["explanations"]
    assert again["differences"][1]["low"] == found["differences"][1]["low"] < found["differences"][1]["high"]
    assert not (tmp_path / "fixlip-view.html").exists()


def test_lists_are_those_of_the_library(told):
    models, _ = told("models")
    assert models == {"schema": "fixlip/models/1", **fixlip.list_models()}
    found, _ = told("estimators", "--name", "exact")
    (one,) = found["estimators"]
    assert (one["name"], one["image_passes"], one["options"]["p"]) == ("exact", None, 0.5)
    assert "20 players" in one["refusal"]


def test_a_sweep_an_evaluation_and_its_report(told, photo, tmp_path):
    few = ("--model", "demo-clip", "--image-masks", "64", "--option", "p", "--values", "0.4,0.5")
    found, _ = told("sweep", photo, "a dog", *few)
    assert [row["value"] for row in found["table"]] == [0.4, 0.5]
    assert found["table"][1]["error"] == 0
    run = ("--data", "scenes:2", "--model", "demo-clip", "--estimator", "itsm", "--out", tmp_path / "run")
    found, _ = told("evaluate", "grounding", *run)
    assert (found["schema"], found["evaluated"], found["done"]) == ("fixlip/evaluation/1", 2, 2)
    found, err = told("report", tmp_path / "run", "--html", tmp_path / "r.html", "--examples", "0")
    assert (found["schema"], found["counts"]["evaluated"]) == ("fixlip/report/1", 2)
    assert found["headlines"][0]["metric"] == "grounding"
    assert err == f"wrote {tmp_path / 'r.html'}\n"


def test_nothing_that_is_no_json_gets_out(capsys):
    documents.emit(documents.document("x", a=np.float32(0.5), b=[float("inf"), np.nan], c=np.int64(3), d="\udce9"))
    assert json.loads(capsys.readouterr().out) == {
        "schema": "fixlip/x/1", "a": 0.5, "b": [None, None], "c": 3, "d": "\udce9",
    }  # fmt: skip
