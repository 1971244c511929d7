"""Small data sets in the official layouts, written from scenes, with faults planted on request.

Each writer takes `n` usable pictures (mosaics: lists) and some of `FAULTS`, plants one entry for each between the
usable ones, and says what a reader must find.
"""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np

from fixlip.datasets.scenes import Scene, SceneObject, caption_of, kinds, make_scene

FAULTS = ("corrupt", "missing", "empty", "duplicate")
CALLED = {  # what `BadItem.fault` says of them
    "corrupt": "unreadable picture",
    "missing": "no annotation",
    "empty": "empty caption",
    "duplicate": "duplicate",
}
ANIMALS = kinds()[:18]


@dataclass(frozen=True)
class Layout:
    """A data set on disk: how to load it, the numbers of usable items and of each fault, and the scenes by item."""

    spec: str
    options: dict
    good: int
    bad: dict[str, int]
    scenes: dict[str, Scene] = field(repr=False, default_factory=dict)

    def __len__(self) -> int:
        return self.good + sum(self.bad.values())


def plan(n: int, faults: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Number and fault ("" for none) of each entry: `n` usable ones, and a fault after each while there are some."""
    assert n > 0
    assert set(faults) <= set(FAULTS)
    pairs = zip_longest([""] * n, faults)
    return enumerate(entry for pair in pairs for entry in pair if entry is not None)


def save(scene: Scene, path: Path, corrupt: bool = False) -> None:
    """Write the picture; a corrupt one ends after half of its bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scene.image.save(path, quality=90)
    if corrupt:
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) // 2])


def captions_of(scene: Scene) -> list[str]:
    """Five captions that name the same things: the scene's own and four more."""
    rng = np.random.default_rng(scene.seed)
    names = tuple(o.name for o in scene.objects)
    return [scene.caption, *(caption_of(names, rng)[0] for _ in range(4))]


def write_coco(
    root: Path, n: int = 4, *, faults: Sequence[str] = (), split: str = "val2017", size: int = 112, seed: int = 0
) -> Layout:
    """COCO: captions and instances of the same pictures; the categories are the kinds of scenes."""
    images, captions, instances, scenes = [], [], [], {}
    for i, fault in plan(n, faults):
        scene, key = make_scene(seed + i, n_objects=1 + i % 3, size=size), 1000 + i
        if fault == "duplicate":
            images.append(images[0])
            continue
        file_name = f"{key:012d}.jpg" if "2017" in split else f"COCO_{split}_{key:012d}.jpg"
        save(scene, root / split / file_name, corrupt=fault == "corrupt")
        images.append({"id": key, "file_name": file_name, "width": size, "height": size, "license": 1})
        texts = ["", " "] if fault == "empty" else captions_of(scene)
        captions += [{"id": 10 * key + j, "image_id": key, "caption": text} for j, text in enumerate(texts)]
        instances += (
            [] if fault == "missing" else [_instance(key, o, 10 * key + j) for j, o in enumerate(scene.objects)]
        )
        if fault in ("", "corrupt"):
            scenes[str(key)] = scene
    categories = [{"id": j, "name": name, "supercategory": "thing"} for j, name in enumerate(kinds(), start=1)]
    (root / "annotations").mkdir(parents=True)
    for name, entries in (("captions", {}), ("instances", {"categories": categories})):
        annotations = captions if name == "captions" else instances
        document = {"info": {}, "images": images, "annotations": annotations, **entries}
        (root / "annotations" / f"{name}_{split}.json").write_text(json.dumps(document))
    options = {} if split == "val2017" else {"split": split}
    return Layout(f"coco:{root}", options, n, Counter(CALLED[f] for f in faults), scenes)


def _instance(picture: int, thing: SceneObject, key: int) -> dict:
    left, top, right, bottom = thing.box
    category = kinds().index(thing.name) + 1
    box = [left, top, right - left, bottom - top]
    return {"id": key, "image_id": picture, "category_id": category, "bbox": box, "iscrowd": 0, "area": box[2] * box[3]}


def write_flickr30k(
    root: Path, n: int = 4, *, faults: Sequence[str] = (), split: str = "test", size: int = 112, seed: int = 0
) -> Layout:
    """Flickr30k Entities: sentences with marked phrases, XML with boxes, and the list of a split."""
    ids, scenes = [], {}
    for folder in ("Sentences", "Annotations"):
        (root / folder).mkdir(parents=True)
    for i, fault in plan(n, faults):
        scene, key = make_scene(seed + i, n_objects=1 + i % 3, size=size), str(2000 + i)
        if fault == "duplicate":
            ids.append(ids[0])
            continue
        ids.append(key)
        save(scene, root / "flickr30k-images" / f"{key}.jpg", corrupt=fault == "corrupt")
        lines = ["", " "] if fault == "empty" else [_marked(text, scene) for text in captions_of(scene)]
        (root / "Sentences" / f"{key}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
        if fault != "missing":
            (root / "Annotations" / f"{key}.xml").write_text(_xml(key, scene, size), encoding="utf-8")
        if fault in ("", "corrupt"):
            scenes[key] = scene
    (root / f"{split}.txt").write_text("\n".join(ids) + "\n")
    options = {} if split == "test" else {"split": split}
    return Layout(f"flickr30k:{root}", options, n, Counter(CALLED[f] for f in faults), scenes)


def _marked(text: str, scene: Scene) -> str:
    for j, thing in enumerate(scene.objects, start=1):
        article = "an" if thing.name[0] in "aeiou" else "a"
        kind = "animals" if thing.name in ANIMALS else "other"
        text = text.replace(f"{article} {thing.name}", f"[/EN#{j}/{kind} {article} {thing.name}]")
    return text.replace(",", " ,") + " ."


def _xml(key: str, scene: Scene, size: int) -> str:
    things = []
    for j, thing in enumerate(scene.objects, start=1):
        left, top, right, bottom = thing.box  # edges; the file counts pixels from 1 and includes the last
        edges = {"xmin": left + 1, "ymin": top + 1, "xmax": right, "ymax": bottom}
        box = "".join(f"<{edge}>{value}</{edge}>" for edge, value in edges.items())
        things.append(f"<object><name>{j}</name><bndbox>{box}</bndbox></object>")
    shape = f"<size><width>{size}</width><height>{size}</height><depth>3</depth></size>"
    return f"<annotation><filename>{escape(key)}.jpg</filename>{shape}{''.join(things)}</annotation>"


def write_mosaics(
    root: Path, n: int = 2, *, faults: Sequence[str] = (), mosaics: int = 1, size: int = 64, seed: int = 0
) -> Layout:
    """One folder of pictures for each class (named as in ImageNet), the names of the folders, and `n` lists of four.

    Each fault is in a list of its own: a corrupt and a copied picture spoil all four items of a mosaic, a class without
    a name or with an empty one, the last of its list, one.
    """
    lists, names, bad = [], [], Counter()
    for i, fault in plan(n, faults):
        four = [f"n{4 * i + j:08d}" for j in range(4)]
        lists.append(four)
        for j, folder in enumerate(four):
            name = kinds()[4 * i + j]
            last = j == 3 and fault
            for k in range(mosaics):
                scene = make_scene(seed + 100 * i + 10 * j + k, names=(name,), size=size)
                spoilt = bool(last) and k == 0
                save(scene, root / folder / f"{k:04d}.JPEG", corrupt=spoilt and fault == "corrupt")
                if spoilt and fault == "duplicate":
                    copied = root / lists[0][0] / "0000.JPEG"
                    (root / folder / f"{k:04d}.JPEG").write_bytes(copied.read_bytes())
            if not (last and fault == "missing"):
                names.append(f"{folder} {'' if last and fault == 'empty' else f'{name}, a {name} like others'}")
        if fault:
            bad[CALLED[fault]] += 4 if fault in ("corrupt", "duplicate") else mosaics
    (root / "lists.json").write_text(json.dumps(lists))
    (root / "names.txt").write_text("\n".join(names) + "\n")
    options = {"lists": "lists.json", "names": "names.txt", "n": mosaics, "size": 2 * size}
    total = 4 * mosaics * (n + len(faults))
    return Layout(f"mosaics:{root}", options, total - sum(bad.values()), bad)


FOIL_FIELDS = {
    "sugarcrepe": ("filename", "caption", "negative_caption"),
    "valse": ("image_file", "caption", "foil"),
    "list": ("image", "caption", "foil"),
}


def write_foils(
    root: Path, n: int = 4, *, faults: Sequence[str] = (), style: str = "sugarcrepe", size: int = 112, seed: int = 0
) -> Layout:
    """Captions with one thing replaced by another that is not in the picture."""
    records, scenes = {}, {}
    image, true, wrong = FOIL_FIELDS[style]
    for i, fault in plan(n, faults):
        scene = make_scene(seed + i, n_objects=1 + i % 3, size=size)
        if fault == "duplicate":
            records[str(i)] = dict(records["0"])
            continue
        save(scene, root / "images" / f"{i:06d}.jpg", corrupt=fault == "corrupt")
        records[str(i)] = {
            image: f"{i:06d}.jpg",
            true: scene.caption,
            wrong: "" if fault == "empty" else foil_of(scene),
        }
        if style == "valse":
            records[str(i)] |= {"dataset": "scenes", "mturk": {"foil": 0, "caption": 3, "other": 0}}
        if fault == "missing":
            del records[str(i)][wrong]
        if fault in ("", "corrupt"):
            scenes[f"foils/{i}"] = scene
    document = [{**record, "id": key} for key, record in records.items()] if style == "list" else records
    (root / "foils.json").write_text(json.dumps(document))
    bad = Counter(CALLED[f] for f in faults)
    return Layout(f"foils:{root / 'foils.json'}", {"pictures": "images"}, n, bad, scenes)


def foil_of(scene: Scene) -> str:
    """The caption with its first name replaced; articles agree."""
    first = scene.objects[0].name
    vowel = first[0] in "aeiou"
    others = [k for k in kinds() if (k[0] in "aeiou") == vowel and k not in {o.name for o in scene.objects}]
    start, end = scene.objects[0].span
    return scene.caption[:start] + others[scene.seed % len(others)] + scene.caption[end:]


WRITERS = {"coco": write_coco, "flickr30k": write_flickr30k, "mosaics": write_mosaics, "foils": write_foils}
