"""Targets of `scripts/fuzz.py`: readers that return a result or raise a FixlipError, with seeds for each."""

import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from itertools import pairwise
from pathlib import Path
from random import Random

import numpy as np
from PIL import Image

from fixlip import Explanation
from fixlip.datasets import load_dataset
from fixlip.datasets.base import Item
from fixlip.datasets.flickr30k import read_caption
from fixlip.datasets.foils import differing
from fixlip.datasets.spans import Vocabulary
from fixlip.encoders import removal
from fixlip.errors import FixlipError, InputError
from fixlip.evaluation import rows
from fixlip.evaluation.folder import read_settings
from fixlip.evaluation.report.failures import failures
from fixlip.evaluation.report.summary import summarise
from fixlip.io.images import open_image
from fixlip.players.base import MAX_CAPTION
from fixlip.players.regions import MAX_REGIONS, as_seen, make_regions, patch_owner
from fixlip.players.words import group_by_content, group_by_phrases, group_into_words, word_label, words_of
from fixlip.registry import get_estimator, list_estimators
from fixlip.specs import options_of, parse, written
from tests.helpers import hostile_pictures, layouts, pictures, results
from tests.helpers.models import encoder_of
from tests.helpers.mutations import archive_mutated, bytes_mutated, explanation_mutated, json_mutated, text_of_json


@dataclass(frozen=True)
class Target:
    """A reader: what it is fed with at first, how that is changed, and what it must do with it (in an empty folder)."""

    name: str
    seeds: Callable[[], list[bytes]]
    run: Callable[[bytes, Path], object]
    mutate: Callable[[bytes, Random], bytes] = bytes_mutated


def _explanations():
    made = [
        pictures.explanation(grid=(2, 3), words=["a", "dog"]),
        pictures.explanation(grid=(1, 1), words=["dog"], stderr=False, picture=False),
        pictures.of_regions(n=3, side=8, words=["a", "bus"], picture=False),
    ]
    made[0] = replace(made[0], players=replace(made[0].players, picture=np.asarray(hostile_pictures.SMOOTH)[:8, :8]))
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder, f"{k}.fixlip") for k in range(len(made))]
        for one, path in zip(made, paths, strict=True):
            one.save(path)
        found = [path.read_bytes() for path in paths]
    old = Path(__file__).parent / "data"
    return found + [path.read_bytes() for path in sorted(old.glob("v1*.fixlip")) if path.stat().st_size < 50_000]


def _explanation(data, folder):
    path = folder / "found.fixlip"
    path.write_bytes(data)
    found = Explanation.load(path)
    found.predict(np.ones((1, len(found.players)), dtype=bool))
    assert all(np.isfinite(v) for v in found.share().values())
    found.top_pairs(3), repr(found)
    assert "<script>" not in found.to_html().split("</head>", 1)[1].split("<script type", 1)[0]
    found.save(path)
    assert Explanation.load(path) == found


def _picture(data, folder):
    path = folder / "picture"
    path.write_bytes(data)
    found = open_image(path)
    assert found.mode == "RGB"
    assert min(found.size) > 0


@lru_cache
def _layout(name):
    """Texts of a small data set, its pictures, and how it is loaded."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "data")
        made = layouts.WRITERS[name](root, 2, faults=["empty"], size=32)
        files = {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}
        after = made.spec.partition(":")[2].removeprefix(str(root)).lstrip("/")
    shown = {k: v for k, v in files.items() if k.lower().endswith((".jpg", ".jpeg"))}
    return {k: v for k, v in files.items() if k not in shown}, shown, after, made.options


def _archives(name):
    files = {key: content.decode() for key, content in _layout(name)[0].items()}
    if name == "coco":  # without the names of kinds that are not there
        for key, text in files.items():
            document = json.loads(text)
            if "categories" in document:
                used = {a["category_id"] for a in document["annotations"]}
                document["categories"] = [c for c in document["categories"] if c["id"] in used]
            files[key] = json.dumps(document)
    return [json.dumps(files).encode()]


def _unpacked(data, folder, names):
    """The files of an archive, where they are some that may be there."""
    try:
        files = json.loads(data)
    except ValueError:
        return
    for name in names & files.keys():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(str(files[name]).encode("utf-8", "surrogateescape"))


def _data_set(name, data, folder):
    texts, shown, after, options = _layout(name)
    _unpacked(data, folder, texts.keys())
    for key, content in shown.items():
        path = folder / key
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    found = load_dataset(f"{name}:{folder / after}", **options)
    for index in range(min(len(found), 12)):
        item = found[index]
        if isinstance(item, Item):
            _check(item, folder)


def _check(item, folder):
    for caption in (*item.captions, *([item.foil] if item.foil else [])):
        assert caption.text.strip()
        for thing in caption.objects:
            assert 0 <= thing.span[0] < thing.span[1] <= len(caption.text)
            assert all(np.isfinite(box).all() and box[0] < box[2] and box[1] < box[3] for box in thing.boxes)
    if isinstance(item.picture, Path):
        assert folder in item.picture.parents
        assert ".." not in item.picture.parts
    try:
        item.open()
    except InputError as error:
        assert "\n" not in str(error)  # noqa: PT017


def _rows():
    """A run of two items for each metric: the bootstrap of all at once takes a second."""
    metrics = results.everything(0.5, np.random.default_rng(0))
    made = []
    for name, values in metrics.items():
        found = [results.row(k, "demo-clip", "banzhaf", {name: values}) for k in range(2)] + [results.bad(7)]
        lines = "".join(json.dumps(row) + "\n" for row in found)
        made.append(json.dumps({"run.json": json.dumps(results.SETTINGS), "rows-0.jsonl": lines}).encode())
    return made


def _results(data, folder):
    _unpacked(data, folder, {"run.json", "rows-0.jsonl"})
    try:
        read_settings(folder)
    except FixlipError as error:
        assert "\n" not in str(error)  # noqa: PT017
    path = folder / "rows-0.jsonl"
    if path.exists():  # with checksums that are right, or nothing would be read
        path.write_bytes(b"".join(rows.signed(line.rstrip()[:-1]) for line in path.read_bytes().splitlines()))
    found = rows.Results(folder)
    summarise(found.rows(), found.damaged), failures(found.rows())


LABELS = [
    {"array": [[0, 1], [1, -1]], "dtype": "int64"},
    {"array": [[[True, False], [False, False]]], "dtype": "bool"},
    {"array": [[0.0, 0.0, 1.0, 1.5]], "dtype": "float32"},
    {"array": [[0, 255], [7, 7]], "dtype": "uint8"},
    {"spec": [[0, 0, 1, 2], [1, 0, 2, 2]]},
    {"spec": {"dog": [0, 0, 2, 2], "cat": [1.5, 0, 2, 2]}},
    {"spec": [{"segmentation": [[True, False], [True, True]]}]},
    {"spec": "grid:2"},
    {"spec": "grid:1x2"},
    {"spec": "slic:2"},
]


def _labels(data, folder):
    try:
        given = json.loads(data)
        with np.errstate(all="ignore"):
            spec = np.array(given["array"], dtype=given["dtype"]) if "array" in given else given["spec"]
    except (Warning, ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return
    picture = Image.new("RGB", (2, 2))
    found = make_regions(spec, picture)
    assert found.labels.shape == (2, 2)
    assert set(np.unique(found.labels)) - {-1} == set(range(len(found.names)))
    assert 1 <= len(found.names) <= MAX_REGIONS
    patch_owner(as_seen(found, (0, 0, 2, 2), (4, 4)), (2, 2))


SPECS = [
    b"banzhaf p=0.7 interactions=cross", b"shapley", b"kernel-shap", b"lime kernel_width=0.25", b"blur:3", b"replace:5",
    b"grid:2x3", b"slic:40", b"scenes:5 n_objects=2", b"scene-mosaics n=2 size=64", b"scene-foils:3 seed=1",
    b"integrated-gradients steps=8 reference=mean", b"demo-clip device=cpu",
]  # fmt: skip


def _spec(data, folder):
    name, options = parse(data.decode("utf-8", "replace"))
    again = parse(written(name, options))
    assert repr(again) == repr((name, options))
    options_of(data.decode("utf-8", "replace").split(" ")[1:])
    picture = Image.new("RGB", (6, 4))
    attempts = [
        lambda: removal.parse(name, removal.removals("image"), "image"),
        lambda: removal.parse(name, removal.removals("text"), "text"),
        lambda: make_regions(name, picture),
        lambda: len(load_dataset(name, **options)) if name.startswith("scene") else None,
        lambda: get_estimator(name, **options) if name in list_estimators() else None,
    ]
    for attempt in attempts:
        try:
            attempt()
        except FixlipError as error:
            assert len(str(error).splitlines()) <= 1  # noqa: PT017


CAPTIONS = [
    "a dog and a bus\na bus",
    "A skateboarder's e-mail, (two) cafés & a 猫!\ncafés",
    "\U0001f469\u200d\U0001f469\u200d\U0001f467 \U0001f3f4\u200d\u2620 e\u0301\n\U0001f467",
    "rock &amp; roll &lt;b&gt;\nroll",
    "\u202eשלום dog\ndog",
    "İstanbul straße ﬁsh\nﬁsh",
    "a [/EN#1/people man] waits .\na",
]
TOWERS = ("open_clip CLIP, ViT", "transformers SiglipModel", "callables")


def _caption(data, folder):
    text, _, phrase = data.decode("utf-8", "replace").partition("\n")
    for family in TOWERS:
        try:
            x = encoder_of(family).text_input(text)
        except InputError as error:
            assert len(str(error)) < MAX_CAPTION + 300  # noqa: PT017
            continue
        for group in (group_into_words, group_by_content):
            groups = group(text, x.spans)
            assert [i for _, members in groups for i in members] == list(range(x.n_tokens))
            spans = [span for span, _ in groups]
            assert all(0 <= start < end <= len(text) for start, end in spans)
            assert all(one[1] <= other[0] for one, other in pairwise(spans))
            assert all(word_label(text, span) for span in spans)
        try:
            groups = group_by_phrases(text, x.spans, [phrase])
            assert [i for _, members in groups for i in members] == list(range(x.n_tokens))
        except InputError:
            pass
    if len(text) <= MAX_CAPTION:
        words_of(text), differing(text, phrase[:MAX_CAPTION]), Vocabulary([phrase, "dog"], {"bus": "dog"}).find(text)
        read_caption(text)


def _json_mutated(data, rng):
    return text_of_json(json_mutated(json.loads(data), rng))


_SETS = [Target(name, partial(_archives, name), partial(_data_set, name), archive_mutated) for name in layouts.WRITERS]
TARGETS = {
    target.name: target
    for target in (
        Target("explanation", _explanations, _explanation, explanation_mutated),
        Target("picture", hostile_pictures.small, _picture),
        *_SETS,
        Target("results", _rows, _results, archive_mutated),
        Target("labels", lambda: [*map(text_of_json, LABELS)], _labels, _json_mutated),
        Target("specs", lambda: SPECS, _spec),
        Target("captions", lambda: [text.encode() for text in CAPTIONS], _caption),
    )
}
