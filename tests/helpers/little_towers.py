"""A transformer small enough to be written twice: in torch, opened at its blocks, and in numpy, with loops."""

from types import SimpleNamespace

import numpy as np
import torch
from torch.nn import functional

from fixlip.games.base import CallableGame

HEADS, CHANNELS, WIDTH, EMBED = 2, 3, 6, 5
IMAGE = {"owners": [-1, 0, 1, 2, 3, 3, 4], "reads": 0}
MAP_IMAGE = {"owners": [0, 1, 2, 3, 3, 4], "probe": True}
MEAN_IMAGE = {"owners": [0, 1, 2, 3, 3, 4]}
TEXT = {"owners": [-1, 0, 1, 1, 2, -1, -1, -1], "reads": 5, "causal": True}


def weights(seed, depth):
    rng = np.random.default_rng(seed)

    def matrix(*shape):
        return rng.normal(size=shape) / np.sqrt(shape[0])

    def block():
        parts = {name: matrix(WIDTH, WIDTH) for name in ("q", "k", "v", "out", "up", "down")}
        return SimpleNamespace(**parts | {"q": 2 * parts["q"]})

    return SimpleNamespace(
        blocks=[block() for _ in range(depth)],
        head=block(),
        probe=matrix(1, WIDTH),
        project=matrix(WIDTH, EMBED),
    )


class LittleTower:
    """A small tower that implements `fixlip.games.base.TowerLayers`."""

    def __init__(self, seed, owners, *, reads=None, probe=False, causal=False, depth=3, attention="sdpa", breaks=None):
        self.owner, self.reads, self.probe, self.causal = np.array(owners), reads, probe, causal
        self.depth, self.attention, self.breaks, self.dtype = depth, attention, breaks, torch.float64
        self.p = weights(seed, depth)
        self.start = np.random.default_rng(seed + 100).normal(size=(len(owners), WIDTH))

    def owners(self, layer):
        return self.owner

    def state(self, layer, reference=None):
        return self.through(torch.tensor(self.start, dtype=self.dtype)[None], 0, layer)[0]

    def features(self, states, layer):
        return self.head(self.through(states, layer, self.depth))

    def project(self, states):
        batch, length, _ = states.shape
        alone = states.reshape(batch * length, 1, WIDTH)
        return self.head(alone, read=0).reshape(batch, length, EMBED)

    def through(self, x, first, last):
        for b in range(first, last):
            if b == self.breaks:
                raise ZeroDivisionError("a layer fell")
            x = self.block(self.p.blocks[b], x, x)
        return x

    def head(self, x, read=None):
        if self.probe:
            probe = torch.tensor(self.p.probe, dtype=x.dtype).expand(len(x), 1, WIDTH)
            pooled = self.block(self.p.head, x, probe, causal=False)[:, 0]
        elif self.reads is None:
            pooled = x.mean(1)
        else:
            pooled = x[:, self.reads if read is None else read]
        return functional.layer_norm(pooled, (WIDTH,), eps=0) @ torch.tensor(self.p.project, dtype=x.dtype)

    def block(self, p, x, queries, causal=None):
        def weight(name):
            return torch.tensor(getattr(p, name), dtype=x.dtype)

        def heads(y, name):
            return (y @ weight(name)).unflatten(-1, (HEADS, CHANNELS)).transpose(1, 2)

        if self.attention == "none":
            mixed = queries
        else:
            q, k, v = heads(queries, "q"), heads(x, "k"), heads(x, "v")
            causal = self.causal if causal is None else causal
            if self.attention == "sdpa":
                mixed = functional.scaled_dot_product_attention(q, k, v, is_causal=causal)
            else:
                mixed = (q @ k.transpose(-2, -1)).softmax(-1) @ v
            mixed = mixed.transpose(1, 2).flatten(2)
        x = queries + mixed @ weight("out")
        return x + torch.tanh(x @ weight("up")) @ weight("down")


class LittleGame(CallableGame):
    """A game of two little towers; an absent player's tokens start at a tenth."""

    def __init__(self, image, text, scale=7.0):
        self.towers = {"image": image, "text": text}

        def embed(tower):
            def function(masks):
                here = np.concatenate([masks, np.ones((len(masks), 1), dtype=bool)], axis=1)[:, tower.owner]
                start = torch.tensor(tower.start * np.where(here, 1.0, 0.1)[..., None], dtype=tower.dtype)
                return functional.normalize(tower.features(start, 0), dim=-1).double().numpy()

            return function

        super().__init__(embed(image), embed(text), image.owner.max() + 1, text.owner.max() + 1, scale, bias=-1.0)

    def layers(self, side):
        return self.towers[side]


def little_game(image=IMAGE, text=TEXT, **options):
    """With this seed the key of the class token is not among those of the patches, so leaving it out matters."""
    return LittleGame(LittleTower(16, **image | options), LittleTower(2, **text | options))


# The same in numpy. `bump` is added to what is found at a place, ("weights" | "output" | "state", block).


def numpy_forward(tower, bump=None, alone=None, merged=()):
    """Embedding before normalisation, and what was seen on the way."""
    bump, seen = bump or {}, {"merged": merged}
    x = tower.start
    for b, p in enumerate(tower.p.blocks):
        x = x + bump.get(("state", b), 0)
        seen["state", b] = x
        x = numpy_block(tower, p, x, x, b, bump, seen, tower.causal, alone == b)
    x = x + bump.get(("state", tower.depth), 0)
    seen["state", tower.depth] = x
    if tower.probe:
        pooled = numpy_block(tower, tower.p.head, x, tower.p.probe, "head", bump, seen, False, False)[0]
    else:
        pooled = x.mean(0) if tower.reads is None else x[tower.reads]
    return numpy_project(tower, pooled), seen


def numpy_project(tower, pooled):
    centred = pooled - pooled.mean()
    return centred / np.sqrt((centred**2).mean()) @ tower.p.project


def numpy_block(tower, p, x, queries, name, bump, seen, causal, alone):
    q, k, v = queries @ p.q, x @ p.k, x @ p.v
    all_weights = np.zeros((HEADS, len(q), len(k)))
    for h in range(HEADS):
        here = slice(h * CHANNELS, (h + 1) * CHANNELS)
        for i in range(len(q)):
            used = slice(None) if name in seen.get("merged", ()) else here
            score = np.array([q[i, used] @ k[j, used] for j in range(len(k))]) / np.sqrt(len(q[i, used]))
            if causal:
                score[i + 1 :] = -np.inf
            score = np.exp(score - score.max())
            all_weights[h, i] = score / score.sum()
    if alone:
        all_weights[:] = np.eye(len(q))
    all_weights = all_weights + bump.get(("weights", name), 0)
    output = np.concatenate([all_weights[h] @ v[:, h * CHANNELS : (h + 1) * CHANNELS] for h in range(HEADS)], axis=1)
    output = output + bump.get(("output", name), 0)
    seen.update({("q", name): q, ("k", name): k, ("v", name): v})
    seen.update({("weights", name): all_weights, ("output", name): output})
    x = queries + output @ p.out
    return x + np.tanh(x @ p.up) @ p.down


def unit(x):
    return x / np.linalg.norm(x)


def slope(tower, other, place, merged=()):
    """The gradient of the cosine with another embedding, by differences."""
    shape, step = numpy_forward(tower, merged=merged)[1][place].shape, 1e-5
    found = np.zeros(shape)
    for at in np.ndindex(shape):
        bump = np.zeros(shape)
        bump[at] = step
        up, down = (
            unit(numpy_forward(tower, {place: sign * bump}, merged=merged)[0]) @ unit(other) for sign in (1, -1)
        )
        found[at] = (up - down) / (2 * step)
    return found
