"""Explanations with numbers made up for the eye, to look at and to test the page and the figures with."""

import io
from dataclasses import replace

import numpy as np
from PIL import Image

from fixlip import Comparison, Explanation, Player, Players
from fixlip.datasets.scenes import make_scene
from fixlip.metrics import coverage
from fixlip.players.base import grid_players
from fixlip.results.contrast import Contrast
from fixlip.results.gallery import Gallery
from fixlip.results.hits import Hit, Hits
from fixlip.results.provenance import Provenance, StandardErrors


def explanation(
    *,
    grid=(7, 7),
    words=None,
    caption=None,
    stderr=True,
    first_only=False,
    picture=True,
    seed=0,
    scale=3.0,
    status="ok",
    model="demo-clip",
):
    """Words of a scene attend to their objects; other words get noise."""
    rng = np.random.default_rng(seed)
    scene = make_scene(seed, names=("dog", "bus", "owl"))
    caption = caption or (" ".join(words) if words else scene.caption)
    words = words or caption.split()
    text, start = [], 0
    for word in words:
        start = caption.index(word, start) if word in caption else start
        text.append(Player("text", word.strip(","), span=(start, start + len(word))))
    n_image, n_text = grid[0] * grid[1], len(words)
    boxes = {o.name: coverage(o.box, (224, 224), grid).ravel() for o in scene.objects}
    cross = rng.normal(0, 0.08, (n_image, n_text))
    for k, player in enumerate(text):
        if player.label in boxes:
            cross[:, k] += boxes[player.label] - 0.3 * sum(c for name, c in boxes.items() if name != player.label)
    n = n_image + n_text
    second = np.full((n, n), np.nan)
    np.fill_diagonal(second, 0.0)
    if not first_only:
        second[:n_image, n_image:] = scale * cross
        second[n_image:, :n_image] = scale * cross.T
    errors = StandardErrors(0.1, np.full(n, 0.05), np.where(np.isnan(second), np.nan, 0.05 * scale))
    image = np.asarray(scene.image.resize((448, 448))) if picture else None
    players = Players(grid_players(*grid), tuple(text), grid, caption, image)
    provenance = Provenance(
        model=model, estimator="banzhaf", image_passes=514, text_passes=66, r2=0.95, status=status, seconds=1.5
    )
    first = scale * rng.normal(0, 0.2, n)
    return Explanation(
        10.0, first, second, 9.5, 21.5, "FWBII(p=0.5)", players, errors if stderr else None, provenance=provenance
    )


def label_map(n, side=96, seed=0):
    """Regions of any shape: the pixels nearest to each of n points on a bent picture; none at the upper left."""
    points = np.random.default_rng(seed).uniform(0, side, (n, 2))
    y, x = np.mgrid[:side, :side] + 0.5
    bent = np.stack([y + 3 * np.sin(x / 6), x + 3 * np.sin(y / 5)], -1)[:, :, None]
    regions = ((bent - points) ** 2).sum(-1).argmin(-1)
    regions[: side // 8, : side // 8] = -1
    return regions


def of_regions(n=20, side=96, **options):
    """An explanation whose image players are regions of any shape."""
    found = explanation(grid=(1, n), **options)
    image = tuple(Player("image", f"region {i + 1}") for i in range(n))
    return replace(found, players=replace(found.players, grid=None, image=image, regions=label_map(n, side)))


def of_tokens(*, split="dog", left_out="also", **options):
    """An explanation by a model whose tokenizer splits a word into two and never reads another."""
    found = explanation(**options)
    n, text, kept = found.players.n_image, [], []
    for k, player in enumerate(found.players.text):
        start, end = player.span
        if player.label == split:
            text += [
                Player("text", split[:2], span=(start, start + 2)),
                Player("text", split[2:], span=(start + 2, end)),
            ]
            kept += [k, k]
        elif player.label != left_out:
            text.append(player)
            kept.append(k)
    order = np.array([*range(n), *(n + k for k in kept)])
    second = found.second_order[np.ix_(order, order)]
    np.fill_diagonal(second, 0.0)
    players = replace(found.players, text=tuple(text))
    return replace(
        found, first_order=found.first_order[order], second_order=second, players=players, stderr=None, full_value=12.5
    )


def comparison(**options):
    """Three explanations with grids of different sizes, regions, and different tokenizers."""
    found = (explanation(**options), of_tokens(grid=(8, 8), model="demo-siglip", scale=5.0), of_regions())
    return Comparison(found, ("patches", "tokens", "regions"))


def contrast():
    """Two captions of which one word differs and one is new."""
    one = explanation(words=["a", "dog", "by", "a", "bus"])
    return Contrast(one, explanation(words=["a", "cat", "by", "a", "big", "bus"], seed=2))


CAPTIONS = (
    "a dog by a bus",
    "a cat by a bus",
    "an owl over a dog",
    "the bus is red",
    "a dog and an owl beside a yellow bus in the rain",
    "nothing of it",
)


def gallery(captions=CAPTIONS, **options):
    """Captions of one picture."""
    return Gallery(tuple(explanation(words=caption.split(), **options) for caption in captions))


def hits(number=4, name="photos/{}.png", **options):
    """Pictures that a search found: "bus" adds least to the first one and most to the last."""
    asked = {"caption": "a dog, a bus and an owl", "words": ["a", "dog,", "a", "bus", "and", "an", "owl"]} | options
    made = [_hit(name.format(k), explanation(**asked, seed=k), k) for k in range(number)]
    players = replace(made[0].players, image=(), grid=None)
    return Hits(players.caption, players, tuple(made), (None,) * players.n_text, 2000)


def _hit(name, e, k):
    file, contributions = io.BytesIO(), e.cross.sum(0)
    Image.fromarray(e.players.picture).resize((224, 224)).save(file, "WEBP")
    contributions[3] = k - 1.5
    return Hit(
        name=name,
        similarity=20.0 - k,
        contributions=contributions,
        contribution_errors=np.zeros(len(contributions)),
        no_words=0.0,
        together=0.0,
        baseline=e.baseline,
        first_order=e.first_order,
        cross=e.cross,
        stderr=replace(e.stderr, second_order=e.cross_stderr),
        empty_value=e.empty_value,
        index=e.index,
        players=replace(e.players, picture=None),
        thumbnail=file.getvalue(),
        provenance=e.provenance,
    )
