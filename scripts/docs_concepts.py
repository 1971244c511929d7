"""Draw the pictures of docs/concepts.md: `python scripts/docs_concepts.py [NAME ...]`, into docs/concepts/."""

import io
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from open_clip.model import get_model_preprocess_cfg
from PIL import Image

import fixlip
from fixlip import plots
from fixlip.datasets.scenes import Scene, make_scene
from fixlip.encoders.removal import parse, removals, removed_pixels
from fixlip.games.similarity import SimilarityGame, games

FOLDER = Path(__file__).parents[1] / "docs" / "concepts"
INK, SOFT, ORANGE, BLUE = "#1d1f23", "#5f656e", "#b45309", "#1d4ed8"
MODEL = "demo-clip"
DPI, COLOURS = 120, 256


def scene() -> Scene:
    """The scene that all pictures and the text are about."""
    return make_scene(4, names=("dog", "umbrella"), size=448)


def game_of(shown: Scene) -> SimilarityGame:
    """Its game."""
    return next(games(fixlip.load_model(MODEL), [shown.image], [shown.caption], [(0, 0)]))


def patches_of(game: SimilarityGame, shown: Scene, name: str) -> np.ndarray:
    """[n_image]: whether a patch touches the box of an object."""
    left, top, right, bottom = np.array(next(o.box for o in shown.objects if o.name == name)) / shown.image.width
    boxes = np.array([player.box for player in game.players.image])
    return (boxes[:, 0] < right) & (boxes[:, 2] > left) & (boxes[:, 1] < bottom) & (boxes[:, 3] > top)


def seen(game: SimilarityGame, mask: np.ndarray, removal: str = "mean") -> np.ndarray:
    """The picture as the model sees it with only these patches left, [h, w, 3] in 0..1."""
    picture = game.players.picture / 255
    mean = get_model_preprocess_cfg(game.encoder.model)["mean"]
    pixels = torch.tensor(picture - np.array(mean), dtype=torch.float32).permute(2, 0, 1)
    side = picture.shape[0] // game.players.grid[0]
    labels = np.arange(len(mask)).reshape(game.players.grid).repeat(side, 0).repeat(side, 1)
    shown = removed_pixels(
        pixels, torch.from_numpy(labels), torch.from_numpy(mask[None]), parse(removal, removals("image"), "image")
    )[0]
    return np.clip(shown.permute(1, 2, 0).numpy() + mean, 0, 1)


def sentence(game: SimilarityGame, mask: np.ndarray) -> str:
    """The caption with a bar in the place of each removed word."""
    return " ".join(p.label if keep else "▁" * len(p.label) for p, keep in zip(game.players.text, mask, strict=True))


def value(game: SimilarityGame, image: np.ndarray, text: np.ndarray) -> float:
    """The game on one mask."""
    return float(game.values(np.r_[image, text][None])[0])


def picture(ax: Axes, pixels: np.ndarray, title: str = "", below: str = "") -> None:
    """A picture without axes."""
    ax.imshow(pixels)
    ax.set_title(title, fontsize=9, color=INK)
    ax.text(0.5, -0.05, below, transform=ax.transAxes, ha="center", va="top", fontsize=9, color=INK)
    ax.set_axis_off()


def towers() -> Figure:
    """Two towers and the cosine between their embeddings."""
    shown = scene()
    game = game_of(shown)
    ends = np.ones(game.n_image, bool), np.ones(game.n_text, bool)
    figure = Figure(figsize=(7.6, 2.6))
    ax = figure.add_axes((0, 0, 1, 1))
    ax.set(xlim=(0, 7.6), ylim=(0, 2.6))
    ax.set_axis_off()
    ax.imshow(shown.image, extent=(0.1, 1.3, 1.3, 2.5), zorder=1)
    ax.set(xlim=(0, 7.6), ylim=(0, 2.6), aspect="auto")
    ax.text(0.1, 0.6, f"“{shown.caption}”", fontsize=9.5, va="center", color=INK)
    for y, name, colour in ((1.9, "image tower", ORANGE), (0.6, "text tower", BLUE)):
        box = FancyBboxPatch((2.75, y - 0.3), 1.4, 0.6, boxstyle="round,pad=0.04", fc="white", ec=colour, lw=1.5)
        ax.add_patch(box)
        ax.text(3.45, y, name, ha="center", va="center", fontsize=10, color=colour)
        start = 1.4 if y > 1 else 2.42
        for x0, x1, y1 in ((start, 2.68, y), (4.22, 4.75, y), (5.4, 5.95, 1.25)):
            y0 = y
            ax.add_patch(FancyArrowPatch((x0, y0), (x1, y1), arrowstyle="-|>", mutation_scale=10, color=SOFT, lw=1))
    ax.text(5.1, 1.9, "$F$", ha="center", va="center", fontsize=13, color=ORANGE)
    ax.text(5.1, 0.6, "$G$", ha="center", va="center", fontsize=13, color=BLUE)
    ax.text(5.1, 1.25, "unit\nvectors", ha="center", va="center", fontsize=8, color=SOFT)
    logit = value(game, *ends)
    numbers = f"{game.scale:.2f} × {(logit - game.bias) / game.scale:.4f} + {game.bias:g}"
    result = f"scale $\\langle F, G\\rangle$ + bias\n= {numbers}\n= {logit:.2f} logits"
    ax.text(6.0, 1.25, result, va="center", fontsize=9, color=INK)
    return figure


def masks() -> Figure:
    """The same masks of patches and words under several meanings of "removed"."""
    shown = scene()
    game = game_of(shown)
    all_words, dog = np.ones(game.n_text, bool), patches_of(game, shown, "dog")
    figure = Figure(figsize=(7.6, 2.35))
    axes = figure.subplots(1, 4)
    figure.subplots_adjust(0.01, 0.14, 0.99, 0.88, wspace=0.06)
    whole = np.ones(game.n_image, bool)
    picture(axes[0], seen(game, whole), "everything present", f"{value(game, whole, all_words):.2f}")
    for ax, removal in zip(axes[1:], ("mean", "blur", "drop"), strict=True):
        encoder = fixlip.load_model(MODEL).with_removal(image=removal)
        other = next(games(encoder, [shown.image], [shown.caption], [(0, 0)]))
        pixels = seen(game, ~dog, "mean" if removal == "drop" else removal)
        if removal == "drop":
            side = pixels.shape[0] // game.players.grid[0]
            pixels[dog.reshape(game.players.grid).repeat(side, 0).repeat(side, 1)] = 1.0
        picture(ax, pixels, removal, f"{value(other, ~dog, all_words):.2f}")
    return figure


def four_values() -> Figure:
    """The dog's patches and its word, each there or not: four values of the game."""
    shown = scene()
    game = game_of(shown)
    dog, words = patches_of(game, shown, "dog"), np.ones(game.n_text, bool)
    without = words.copy()
    without[game.players.find_text("dog")] = False
    figure = Figure(figsize=(5.6, 5.8))
    axes = figure.subplots(2, 2)
    figure.subplots_adjust(0.02, 0.06, 0.98, 0.95, hspace=0.3, wspace=0.02)
    for row, text in zip(axes, (words, without), strict=True):
        for ax, image in zip(row, (~dog | True, ~dog), strict=True):
            picture(ax, seen(game, image), sentence(game, text), f"{value(game, image, text):.2f} logits")
            ax.texts[0].set(fontsize=13, fontweight="bold")
    return figure


def one_map() -> Figure:
    """A single map beside one for each word."""
    shown = scene()
    one = fixlip.explain(shown.image, shown.caption, model=MODEL, estimator="shapley-owen", options={"order": 1})
    two = fixlip.explain(shown.image, shown.caption, model=MODEL)
    words = ("dog", "umbrella", "with")
    figure = Figure(figsize=(7.6, 2.35))
    axes = figure.subplots(1, 4)
    figure.subplots_adjust(0.01, 0.02, 0.99, 0.86, wspace=0.06)
    plots.heatmap(one, ax=axes[0], order=1)
    axes[0].set_title("one map for the caption", fontsize=9)
    limit = max(float(np.abs(two.heatmap(word)).max()) for word in words)
    for ax, word in zip(axes[1:], words, strict=True):
        plots.heatmap(two, word, ax=ax, limit=limit)
        ax.set_title(f"interactions with “{word}”", fontsize=9)
    return figure


def encode_once() -> Figure:
    """Masked pictures down, masked captions across, a value of the game in each cell."""
    shown = scene()
    game = game_of(shown)
    rng = np.random.default_rng(3)
    rows, columns = rng.random((4, game.n_image)) < 0.5, np.ones((4, game.n_text), bool)
    rows[0] = True
    for mask, gone in zip(columns[1:], (["umbrella"], ["dog"], ["is", "a", "an"]), strict=True):
        mask[game.players.find_text(gone)] = False
    values = game.scale * game.image_embeddings(rows) @ game.text_embeddings(columns).T + game.bias
    figure = Figure(figsize=(7.6, 4.3))
    ax = figure.add_axes((0.14, 0.02, 0.85, 0.84))
    ax.imshow(values, cmap="Oranges", vmin=0, vmax=40, aspect="auto")
    for i, j in np.ndindex(4, 4):
        ax.text(j, i, f"{values[i, j]:.1f}", ha="center", va="center", fontsize=13, color=INK)
    for j, mask in enumerate(columns):
        words = sentence(game, mask).split(" ")
        ax.text(j, -0.58, "\n".join([" ".join(words[:4]), " ".join(words[4:])]), ha="center", fontsize=8.5, color=INK)
    ax.set_axis_off()
    for i, mask in enumerate(rows):
        small = figure.add_axes((0.01, 0.02 + 0.84 * (3 - i) / 4 + 0.01, 0.12, 0.84 / 4 - 0.02))
        small.imshow(seen(game, mask))
        small.set_axis_off()
    return figure


def surrogate() -> Figure:
    """The model's own values and the surrogate's, on masks that the fit has not seen."""
    shown = scene()
    game = game_of(shown)
    found = fixlip.explain(shown.image, shown.caption, model=MODEL)
    new = np.random.default_rng(99).random((500, len(game.players))) < 0.5
    own, first = game.values(new), fixlip.explain(shown.image, shown.caption, model=MODEL, options={"order": 1})
    figure = Figure(figsize=(7.2, 3.3))
    axes = figure.subplots(1, 2, sharex=True, sharey=True)
    figure.subplots_adjust(0.09, 0.16, 0.98, 0.9, wspace=0.08)
    for ax, one, title in zip(axes, (first, found), ("single players only", "single players and pairs"), strict=True):
        said = one.predict(new)
        ax.plot([own.min(), own.max()], [own.min(), own.max()], color=SOFT, lw=0.8)
        ax.plot(own, said, ".", ms=3, color=ORANGE, alpha=0.7)
        r2 = 1 - np.sum((own - said) ** 2) / np.sum((own - own.mean()) ** 2)
        ax.set_title(f"{title}: R² {r2:.2f}", fontsize=9.5)
        ax.set_xlabel("the model (logits)", fontsize=9)
        ax.tick_params(labelsize=8)
        ax.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("the surrogate (logits)", fontsize=9)
    return figure


def indices() -> Figure:
    """One word under several indices, each on its own scale."""
    shown = scene()
    cross = {"interactions": "cross"}
    wanted = [
        ("Banzhaf, p = 0.3", "banzhaf", cross | {"p": 0.3}),
        ("Banzhaf, p = 0.7", "banzhaf", cross | {"p": 0.7}),
        ("Shapley (SII)", "shapley-owen", {}),
        ("integrated gradients", "integrated-gradients", {"text_layer": 0, "image_layer": 0.5}),
    ]
    figure = Figure(figsize=(7.6, 2.35))
    figure.subplots_adjust(0.01, 0.02, 0.99, 0.86, wspace=0.06)
    for ax, (title, name, options) in zip(figure.subplots(1, 4), wanted, strict=True):
        found = fixlip.explain(shown.image, shown.caption, model=MODEL, estimator=name, options=options)
        plots.heatmap(found, "dog", ax=ax)
        ax.set_title(f"{title}\n±{np.abs(found.heatmap('dog')).max():.1f} logits", fontsize=8.5)
    figure.subplots_adjust(top=0.82)
    return figure


FIGURES: dict[str, Callable[[], Figure]] = {
    "towers": towers,
    "masks": masks,
    "four-values": four_values,
    "one-map": one_map,
    "encode-once": encode_once,
    "surrogate": surrogate,
    "indices": indices,
}


def save(figure: Figure, path: Path) -> int:
    """Write a PNG of few colours; returns its size in bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI, facecolor="white")
    Image.open(buffer).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
    return path.stat().st_size


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name in sys.argv[1:] or FIGURES:
        size = save(FIGURES[name](), FOLDER / f"{name}.png")
        print(f"{name}.png  {size / 1024:.0f} kB")
