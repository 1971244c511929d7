"""The cost of an index and of its queries."""

import copy
import resource
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import cache, partial
from tempfile import TemporaryDirectory
from time import process_time
from typing import Any

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

import fixlip
from benchmarks.clock import added_memory, timed
from benchmarks.overhead import fastest, in_batches
from benchmarks.runs import Settings
from benchmarks.search_index import OTHERS, Figures, indexed, many, some
from benchmarks.subjects import CROSS, load, random_masks
from fixlip.datasets.scenes import make_scene
from fixlip.index import Index, open_index
from fixlip.index.schema import Row, read_facts, table_of
from fixlip.index.store import Store

QUERY = "a photo of a dog and a bus"
SIZES = (100, 1000, 10_000)
REAL = ("ViT-B-32", "ViT-B-16")


@cache
def build(settings: Settings) -> Figures:
    """A build against the passes that it makes, with nothing around; in turn, in seconds of the processor."""
    encoder, device = load("demo-clip", settings.device), settings.device
    few, rounds, masks = (1, 1, 64) if settings.quick else (4, 4, None)
    seconds: dict[str, list[float]] = {"build": [], "alone": []}
    with TemporaryDirectory() as out:
        for turn in range(rounds + 1):  # the first one loads what is loaded lazily
            images = [make_scene(OTHERS + 1000 + turn * few + k).image for k in range(few)]
            call = partial(fixlip.build_index, images, out, model=encoder, image_masks=masks, progress=False)
            whole, index = spent(call, device)
            passes = index.store.rows([0])[0]["passes"] + 1  # and the model's own, of the whole picture
            inputs = [encoder.image_input(image) for image in images]
            drawn = random_masks(inputs[0].n_patches, passes, device)
            if not turn:
                size = fastest(partial(encoder.embed_image, inputs[0]), drawn, device)
            alone, _ = spent(partial(bare, encoder, inputs, drawn, size), device)
            if turn:
                seconds["build"].append(whole)
                seconds["alone"].append(alone)
    total, passing = (float(np.median(each)) for each in seconds.values())
    return {
        "passes of a picture": passes,
        "ms of a pass with nothing around": passing / few / passes * 1e3,
        "seconds of a picture": total / few,
        "against the same passes with nothing around": total / passing,
    }


def bare(encoder: Any, inputs: Sequence[Any], masks: torch.Tensor, size: int) -> None:
    """The passes of some pictures with nothing around."""
    for x in inputs:
        in_batches(partial(encoder.embed_image, x), masks, size)


def spent(call: Callable[[], Any], device: str) -> tuple[float, Any]:
    """Seconds of the processor, of all threads, and what the call returns; for a GPU seconds on the clock."""
    if not device.startswith("cpu"):
        return timed(call, device)
    start = process_time()
    result = call()
    return process_time() - start, result


@cache
def search(settings: Settings) -> Figures:
    """A query in an index of 2,000 pictures, and what they take on disk."""
    index = many(settings)
    command = [sys.executable, "-m", "fixlip", "search", str(index.store.folder), QUERY, "--json"]
    whole = min(spent_in_child(command) for _ in range(1 if settings.quick else 3))
    first = index.store.rows([0])[0]
    return {
        "pictures": len(index),
        "bytes of a picture on disk": index.size() / len(index),
        "bytes of its numbers": bytes_of(first),
        "bytes of its thumbnail": len(first["thumbnail"]),
        **latency(index, settings),
        "seconds of the command fixlip search": whole,
    }


def spent_in_child(command: Sequence[str]) -> float:
    """Seconds of the processor in another process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def latency(index: Index, settings: Settings) -> Figures:
    """Milliseconds of a query whose words are new, beside its text passes; of the fastest of several."""
    device, towers = settings.device, [0.0]
    encoder = copy.copy(load("demo-clip", device))
    embed = encoder.embed_text

    def counted(*args: Any) -> Any:
        seconds, result = spent(partial(embed, *args), device)
        towers[0] += seconds
        return result

    encoder.embed_text = counted
    found = []
    for _ in range(2 if settings.quick else 12):
        opened = open_index(index.store.folder, model=encoder)
        opened.search("a cat", 1)  # reads the vectors
        towers[0], search = 0.0, partial(opened.search, QUERY, 12)
        seconds, hits = spent(search, device)
        found.append((seconds - towers[0], towers[0], seconds, spent(search, device)[0]))
    names = ("ms beyond the text passes", "ms of the text passes", "ms of the search", "ms of the search again")
    best = dict(zip(names, (1e3 * np.min(found, axis=0)).tolist(), strict=True))
    return {"text passes": hits[0].provenance.text_passes, **best}


def bytes_of(row: Row) -> int:
    """Bytes of the numbers of a row."""
    return sum(value.nbytes for value in row.values() if isinstance(value, np.ndarray))


@cache
def against_explain(settings: Settings) -> Figures:
    """A search with 12 hits against `fixlip.explain` for each of them, with the masks that both take by default."""
    few = 2 if settings.quick else 12
    images = [make_scene(OTHERS + 2000 + k).image for k in range(few)]
    masks = 64 if settings.quick else None
    index = indexed(settings, "default", images, image_masks=masks)
    times = latency(index, settings)
    call: dict[str, Any] = {"model": index.encoder, "image_masks": masks} | CROSS
    explain = [spent(partial(fixlip.explain, image, QUERY, **call), settings.device)[0] for image in images]
    total = sum(explain)
    return {
        "ms of the search": times["ms of the search"],
        "seconds of explain for each of them": total,
        "times faster": 1e3 * total / times["ms of the search"],
    }


@cache
def synthetic(pictures: int, settings: Settings) -> Figures:
    """A search of so many pictures, those of a few with noise on their embeddings: time, and memory apart."""
    with TemporaryDirectory() as out:
        source = some(settings)
        rows, rng = list(source.store.rows(range(len(source))).values()), np.random.default_rng(0)
        facts = read_facts(source.store.table.schema.metadata)
        store = Store.open_or_make(out, facts)
        for start in range(0, pictures, 500):
            block = [noisy(rows[k % len(rows)], k, rng) for k in range(start, min(start + 500, pictures))]
            store.write([table_of(block, facts)])
        store.tidy()
        index = open_index(out, model=load("demo-clip", settings.device))
        times = latency(index, settings)
        added = settings.apart(memory_here, out, str(source.store.folder), settings.device)
    vectors = pictures * facts.dimension * np.dtype(facts.dtype).itemsize / 2**20
    return {
        "ms beyond the text passes": times["ms beyond the text passes"],
        "MiB of the vectors": vectors,
        "MiB added by a search": added,
        "MiB added beyond the vectors": added - vectors,
    }


def noisy(row: Row, k: int, rng: np.random.Generator) -> Row:
    """The row under another name, with another embedding."""
    moved = row["embedding"] + rng.normal(scale=0.02, size=len(row["embedding"]))
    return row | {"id": f"{k}", "hash": f"{k:064x}", "embedding": (moved / np.linalg.norm(moved)).astype(np.float16)}


def memory_here(out: str, other: str, device: str) -> float:
    """MiB that a first search adds, after one in a smaller index has loaded what all searches need."""
    encoder = load("demo-clip", device)
    open_index(other, model=encoder).search(QUERY, 12)
    with added_memory(device) as memory:
        open_index(out, model=encoder).search(QUERY, 12)
    return memory.added


@cache
def rate(model: str, settings: Settings) -> Figures:
    """The passes of a real architecture on this device, and the operations that they take on any."""
    encoder, masks = load(model, settings.device), 8 if settings.quick else 32
    x = encoder.image_input(make_scene(OTHERS).image)
    drawn = random_masks(x.n_patches, masks, settings.device)
    size = fastest(partial(encoder.embed_image, x), drawn[:16], settings.device)
    seconds = min(spent(partial(bare, encoder, [x], drawn, size), settings.device)[0] for _ in "123")
    torch.backends.mha.set_fastpath_enabled(False)  # whose operations are not counted
    try:
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            encoder.embed_image(x, drawn[:1])
    finally:
        torch.backends.mha.set_fastpath_enabled(True)
    return {
        "players": x.n_patches,
        "dimension": encoder.embed_dim,
        "passes a second": masks / seconds,
        "GFLOP of a pass": counter.get_total_flops() / 1e9,
    }
