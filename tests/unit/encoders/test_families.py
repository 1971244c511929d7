"""Every family on the whole way, and the table in `docs/models.md` that says what was found.

`FIXLIP_WRITE_TABLE=1 pytest tests/unit/encoders/test_families.py` writes the table anew.
"""

import os
import re

import numpy as np
import pytest
import torch

import fixlip
from fixlip.estimators.banzhaf import Banzhaf
from fixlip.games.similarity import games
from tests.helpers.models import FAMILIES, encoder_of, picture
from tests.helpers.oracles import assert_close, banzhaf_fit, pairs_of
from tests.helpers.paths import ROOT

TABLE = ROOT / "docs" / "models.md"
CAPTION = "black dog, yellow bus"
TEXT_COLUMNS = ("tokens", "padding", "case", "punctuation")
COLUMNS = ("model", "grid", *TEXT_COLUMNS, "removals of patches", "gate error", "conformance")


def full_size():
    return fixlip.load_model("ViT-B-32", pretrained=None, allow_random=True, device="cpu")


FULL_SIZE = {"ViT-B-32, full size": full_size}
BUNDLED = {name: lambda name=name: fixlip.load_model(name, device="cpu") for name in fixlip.list_models()["bundled"]}
BUILD = {**{f: lambda f=f: encoder_of(f) for f in FAMILIES}, **FULL_SIZE, **BUNDLED}
FOUND = {}


@pytest.fixture(scope="module", autouse=True)
def table():
    """Written after the last test of this file, where every family was tried."""
    yield
    if os.environ.get("FIXLIP_WRITE_TABLE") and set(FOUND) == set(BUILD):
        TABLE.parent.mkdir(exist_ok=True)
        TABLE.write_text(page([FOUND[name] for name in BUILD]))


def page(rows):
    line = "| " + " | ".join(COLUMNS) + " |\n|" + " --- |" * len(COLUMNS) + "\n"
    body = "".join("| " + " | ".join(str(row[c]) for c in COLUMNS) + " |\n" for row in rows)
    head = TABLE.read_text().split("| model |")[0] if TABLE.exists() else "# Models\n\n"
    return head + line + body


def text_rules(encoder):
    """Rules by which the tokenizer and the tower treat a caption, found by trying."""
    if not hasattr(encoder.text_tower, "attended"):
        return {"tokens": "words", "padding": "none", "case": "as the function", "punctuation": "as the function"}
    prepare = encoder.text_tower.prepare
    plain = prepare("dog").ids
    attended = bool(encoder.text_tower.attended(plain[None]).all())
    padding = "cut" if encoder.text_tower.causal else "attended" if attended else "masked"
    return {
        "tokens": len(plain),
        "padding": padding,
        "case": "ignored" if torch.equal(prepare("DOG").ids, plain) else "kept",
        "punctuation": "taken out" if torch.equal(prepare("dog!").ids, plain) else "tokens",
    }


def gate_error(encoder, game):
    x, t = encoder.image_input(picture()), encoder.text_input(CAPTION)
    u, w = encoder.own_image(x), encoder.own_text(t)
    own = encoder.logit_scale * float(u @ w) + encoder.logit_bias
    return abs(float(game.values(np.ones((1, len(game.players)), dtype=bool))[0]) - own)


def check_conformance(encoder):
    """On this model: exact where all masks fit the budget, within the budget, the same again, the model as it was."""
    weights, training = encoder.weights, encoder.model.training if encoder.model is not None else False
    game = next(games(encoder, [picture()], [CAPTION], [(0, 0)], image_players="grid:1x2", text_players="content"))
    n = (game.n_image, game.n_text)
    assert n[0] == 2
    assert n[1] >= 2
    exact = Banzhaf(interactions="all").explain(game, budget=2 ** sum(n), progress=False)
    baseline, first, second, r2 = banzhaf_fit(game, 0.5, pairs_of(*n, "all"))
    scale = max(1.0, encoder.logit_scale)
    assert_close(exact.first_order, first, 1e-6 * scale)
    assert_close(exact.second_order, second, 1e-6 * scale)
    assert_close([exact.baseline, exact.provenance.r2], [baseline, r2], 1e-5 * scale)
    call = {"model": encoder, "options": {"interactions": "cross"}, "progress": False, "seed": 3}
    few = {**call, "image_players": "grid:2", "image_masks": 8}
    one, two = (fixlip.explain(picture(), CAPTION, **few) for _ in range(2))
    assert one.cross.tobytes() == two.cross.tobytes()
    assert one.provenance.image_passes <= 10
    assert one.provenance.weights == weights
    if encoder.model is not None:
        assert encoder.model.training == training
        assert not any(m._forward_hooks or m._forward_pre_hooks for m in encoder.model.modules())


def describe(name, encoder):
    game = next(games(encoder, [picture()], [CAPTION], [(0, 0)]))
    error = gate_error(encoder, game)
    assert error < 1e-4
    check_conformance(encoder)
    rows, columns = game.players.grid
    follows = encoder.image_input(picture(120, 40)).grid != (rows, columns)
    return {
        "model": name,
        "grid": f"{rows} x {columns}" + (", follows the picture" if follows else ""),
        **text_rules(encoder),
        "removals of patches": ", ".join(encoder.removals["image"]),
        "gate error": f"{error:.0e}",
        "conformance": "passed",
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", BUILD)
def test_family(name):
    FOUND[name] = row = describe(name, BUILD[name]())
    if os.environ.get("FIXLIP_WRITE_TABLE"):
        return
    lines = [line for line in TABLE.read_text().splitlines() if line.startswith(f"| {name} |")]
    assert len(lines) == 1, f"no row for {name} in {TABLE.name}; write the table anew"
    recorded = dict(zip(COLUMNS, [cell.strip() for cell in lines[0].strip("|").split("|")], strict=True))
    assert float(recorded["gate error"]) < 1e-4
    assert {k: v for k, v in recorded.items() if k != "gate error"} == {
        k: str(v) for k, v in row.items() if k != "gate error"
    }


def test_the_table_has_no_other_rows():
    named = re.findall(r"^\| ([^|]+) \|", TABLE.read_text(), re.MULTILINE)
    assert {n.strip() for n in named} - {"model", "---"} == set(BUILD)
