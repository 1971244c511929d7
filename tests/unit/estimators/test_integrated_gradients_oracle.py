"""Integrated gradients against explicit Jacobians in float64, for every layout of towers."""

import numpy as np
import pytest
import torch
from torch.autograd.functional import jacobian
from torch.nn.functional import normalize

from fixlip.encoders.layers import Layers
from fixlip.estimators.integrated_gradients import IntegratedGradients
from fixlip.gradients.integration_paths import Path
from tests.helpers.games import game_of
from tests.helpers.models import FAMILIES, open_clip_vit
from tests.helpers.oracles import assert_close

LARGE = "open_clip SigLIP"  # its Jacobians take ten times as long
CHECKED = ["open_clip CLIP, ViT", "open_clip CLIP, ResNet", "transformers CLIPModel", "transformers SiglipModel"]
CHECKED += ["transformers Siglip2Model (NaFlex)"]


@pytest.fixture(scope="module", params=CHECKED)
def double_game(request):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        encoder = FAMILIES[request.param]()
    if "ResNet" in request.param:  # the last normalisation of each block starts at zero
        for layer in (1, 2, 3, 4):
            torch.nn.init.ones_(getattr(encoder.model.visual, f"layer{layer}")[0].bn3.weight)
    encoder.model.double()
    return game_of(encoder, text_players="content")


def tower_terms(tower, layer, reference, nodes, weights, n):
    """Features of reference and input, and each player's displacement times the mean Jacobian; row n is the rest."""
    start, end = tower.state(layer, reference), tower.state(layer)
    mean = sum(
        w * jacobian(lambda s: tower.features(s[None], layer)[0], start + t * (end - start))
        for t, w in zip(nodes, weights, strict=True)
    )
    tokens = torch.einsum("dlw,lw->ld", mean, end - start)
    owners = tower.owners(layer)
    players = torch.stack([tokens[torch.as_tensor(owners == (k if k < n else -1))].sum(0) for k in range(n + 1)])
    ends = [tower.features(s[None], layer)[0].detach() for s in (start, end)]
    return [x.numpy() for x in (*ends, players)]


def oracle(game, layers, nodes, weights):
    """Baseline, first order and cross pairs from explicit Jacobians, by the definition."""
    (f0, f1, J), (g0, g1, K) = (
        tower_terms(game.layers(side), layer, reference, nodes, weights, n)
        for side, layer, reference, n in zip(
            ("image", "text"), layers, ("zeros", "pad"), (game.n_image, game.n_text), strict=True
        )
    )
    scale = game.scale / np.linalg.norm(f1) / np.linalg.norm(g1)
    A = J @ K.T
    baseline = f0 @ g0 + J[-1] @ g0 + f0 @ K[-1] + A[-1, -1]
    first = np.concatenate([J[:-1] @ g0 + A[:-1, -1], K[:-1] @ f0 + A[-1, :-1]])
    return scale * baseline + game.bias, scale * first, scale * A[:-1, :-1]


def agrees(game, expected, tolerance=1e-6, **options):
    found = IntegratedGradients(**options).explain(game, progress=False)
    assert_close(found.baseline, expected[0], tolerance)
    assert_close(found.first_order, expected[1], tolerance)
    assert_close(found.cross, expected[2], tolerance)
    return found


def gauss(steps):
    nodes, weights = np.polynomial.legendre.leggauss(steps)
    return (nodes + 1) / 2, weights / 2


@pytest.mark.parametrize(
    ("double_game", "place"),
    [(family, "middle") for family in CHECKED]
    + [pytest.param(LARGE, "middle", marks=pytest.mark.slow)]
    + [pytest.param(family, place, marks=pytest.mark.slow) for family in CHECKED for place in ("first", "last")],
    indirect=["double_game"],
)
def test_it_equals_explicit_jacobians(double_game, place):
    depths = [double_game.layers(side).depth for side in ("image", "text")]
    layers = [{"first": 0, "middle": (d + 1) // 2, "last": d - 1}[place] for d in depths]
    expected = oracle(double_game, layers, *gauss(3))
    assert np.abs(expected[2]).max() > 1e-4
    found = agrees(double_game, expected, image_layer=layers[0], text_layer=layers[1], steps=3)
    double_game.batch_size, before = 2, double_game.batch_size
    try:
        agrees(double_game, expected, image_layer=layers[0], text_layer=layers[1], steps=3)
    finally:
        double_game.batch_size = before
    assert found.index == "IG"
    assert np.isnan(found.second_order[0, 1])
    assert np.isnan(found.second_order[-1, -2])


@pytest.mark.slow
def test_the_published_settings(double_game):
    depths = [double_game.layers(side).depth for side in ("image", "text")]
    nodes, weights = np.arange(1, 11) / 10, np.full(10, 0.1)
    agrees(
        double_game,
        oracle(double_game, [d - 1 for d in depths], nodes, weights),
        steps=10,
        quadrature="right",
    )


FAULTS = ["references swapped", "no displacement", "equal weights", "half of the caption", "reference left out"]


@pytest.mark.parametrize("fault", FAULTS)
def test_the_oracle_catches(fault, monkeypatch):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        encoder = open_clip_vit()
    encoder.model.double()
    game = game_of(encoder)
    expected = oracle(game, (1, 1), *gauss(3))
    agrees(game, expected, steps=3)
    state, at = Layers.state, Path.at
    if fault == "references swapped":
        swapped = {None: "zeros", "zeros": None, "pad": None}
        monkeypatch.setattr(
            Layers,
            "state",
            lambda self, layer, ref=None: state(
                self, layer, swapped[ref] if self.keys is None else (None if ref else "pad")
            ),
        )
    elif fault == "no displacement":
        monkeypatch.setattr(
            Path, "at", lambda self, n: (at(self, n)[0], torch.ones_like(at(self, n)[1]), at(self, n)[2])
        )
    elif fault == "equal weights":
        monkeypatch.setattr(Path, "at", lambda self, n: (*at(self, n)[:2], torch.full_like(at(self, n)[2], 1 / 3)))
    elif fault == "half of the caption":
        monkeypatch.setattr(Layers, "owners", lambda self, layer: np.minimum(self.owned(len(state(self, layer))), 1))
    else:
        monkeypatch.setattr(Layers, "state", lambda self, layer, ref=None: state(self, layer) * (ref is None))
    with pytest.raises(AssertionError):
        agrees(game, expected, tolerance=1e-3, steps=3)


def test_shares_of_the_class_tokens_are_kept(double_game):
    main, spread = (
        IntegratedGradients(steps=2, class_token=how).explain(double_game, progress=False)
        for how in ("main", "distribute")
    )
    full = np.ones((1, len(main.players)), dtype=bool)
    assert_close(main.predict(full), spread.predict(full), 1e-9)
    details = main.provenance.details
    total = main.cross.sum() / details["players_share"]
    assert_close(spread.cross.sum(), total, 1e-9)


def test_shifted_embeddings(double_game):
    found = IntegratedGradients(normalisation="shifted", steps=48).explain(double_game, progress=False)
    moved = []
    for side, reference in (("image", "zeros"), ("text", "pad")):
        t = double_game.layers(side)
        with torch.no_grad():
            start, end = t.features(torch.stack([t.state(t.depth - 1, reference), t.state(t.depth - 1)]), t.depth - 1)
        moved.append(normalize(end - start, dim=0))
    predicted = found.predict(np.ones((1, len(found.players)), dtype=bool))[0]
    assert_close(predicted, double_game.scale * float(moved[0] @ moved[1]) + double_game.bias, 1e-3)
    fixed = IntegratedGradients(steps=48).explain(double_game, progress=False)
    assert_close(np.corrcoef(found.cross.ravel(), fixed.cross.ravel())[0, 1], 1.0, 1e-9)
