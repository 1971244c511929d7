"""Mosaics of any data set with one folder of pictures for each class, ImageNet for one."""

import re
from collections import defaultdict
from hashlib import sha256
from pathlib import Path

import numpy as np

from fixlip.datasets import grid
from fixlip.datasets.base import BadItem, Item
from fixlip.datasets.options import at_least, caption_form, texts
from fixlip.datasets.reading import has_words, json_of, lines_of, pictures_in, place_of, root_folder, within
from fixlip.errors import InputError, unknown
from fixlip.io.files import read_bytes
from fixlip.io.images import MAX_BYTES, open_image


class Mosaics:
    """2 x 2 mosaics of pictures of four classes: the pointing game.

    Each list of four classes gives `n` mosaics, each of them four items: their captions are the names of the first 1,
    2, 3 and 4 classes of the list. The box of an object is its quadrant, which its picture fills, cut at its centre to
    a square. Which picture and which quadrant a class gets is drawn at random; no picture comes twice in one list.

    Faults: "unreadable picture" (one of the four), "duplicate" (one of the four has the same bytes as another file that
    an earlier mosaic shows), "no annotation" and "empty caption" (`names` has no or an empty name for a class of the
    caption).

    Source: Baniecki et al., FIxLIP (2025): ImageNet-1k validation, ten lists, 50 mosaics of 448 pixels for each. Their
    placing of the classes and the text between two names are not given; both are options or drawn here.

    Args:
        root: folder with one folder for each class.
        lists: how many lists of four classes to draw at random from those with `n` pictures or more; or a file with
            them, relative to `root`: a JSON list of lists, or text with one list a line and commas between. A class is
            given by its folder or by its name.
        names: a file with the name of each folder, relative to `root`: lines ``n01440764 tench, Tinca tinca`` as in
            ``LOC_synset_mapping.txt`` (the first name is taken), or JSON, ``{"n01440764": "tench"}`` or
            ``{"0": ["n01440764", "tench"]}``. Without it folders are named after their classes. Underscores are spaces.
        n: mosaics for each list.
        seed: fixes what is drawn.
        size: side of the mosaic in pixels, even.
        template: the caption, with ``{}`` in the place of the names.
        separator: what is between two names.

    Raises:
        InputError: a file or folder is missing or malformed, or there are too few classes or pictures.
        OptionError: a value outside its range.
    """

    def __init__(
        self,
        root: str | Path,
        *,
        lists: int | str = 10,
        names: str | None = None,
        n: int = 50,
        seed: int = 0,
        size: int = 448,
        template: str = "{}",
        separator: str = " ",
    ) -> None:
        at_least(1, n=n, lists=1 if isinstance(lists, str) else lists)
        at_least(0, seed=seed)
        at_least(32, size=size)
        caption_form(size, template, separator)
        texts(names=names)
        root = root_folder(root, "one folder of pictures for each class")
        self.name = f"mosaics {root.name}"
        self._n, self._size, self._template, self._separator = n, size, template, separator
        classes = {path.name: pictures_in(root, path.name) for path in sorted(root.iterdir()) if path.is_dir()}
        self._names = (
            _names(within(*place_of(root, names))) if names else {name: name.replace("_", " ") for name in classes}
        )
        rng = np.random.default_rng(seed)
        if isinstance(lists, str):
            self._lists = self._read(within(*place_of(root, lists)), classes)
        else:
            self._lists = _drawn(classes, lists, n, root, rng)
        self._paths: list[list[Path]] = []  # of each mosaic, in the order of the caption
        self._places: list[list[int]] = []
        for four in self._lists:
            chosen = [_chosen(root / name, classes[name], n, rng) for name in four]
            self._paths += [list(paths) for paths in zip(*chosen, strict=True)]
            self._places += [[int(place) for place in rng.permutation(4)] for _ in range(n)]
        self._copies = _copies(self._paths)

    def __len__(self) -> int:
        return 4 * len(self._paths)

    def __getitem__(self, index: int) -> Item | BadItem:
        mosaic, before = divmod(range(len(self))[index], 4)
        k, number = before + 1, mosaic // self._n
        key = f"list{number:02d}-{mosaic % self._n:04d}-k{k}"
        folders = self._lists[number][:k]
        for name in folders:
            if name not in self._names:
                return BadItem(key, "no annotation", f"The names have none for {name!r}.")
            if not has_words(self._names[name]):
                return BadItem(key, "empty caption", f"The name of {name!r} is empty.")
        for path in self._paths[mosaic]:
            if path in self._copies:
                reason = f"{_short(path)} has the same bytes as {_short(self._copies[path])}."
                return BadItem(key, "duplicate", reason)
        try:
            pictures = [open_image(path) for path in self._paths[mosaic]]
        except InputError as error:
            return BadItem(key, "unreadable picture", str(error))
        places = self._places[mosaic]
        boxes = [grid.quadrant(place, self._size) for place in places]
        caption = grid.caption([self._names[name] for name in folders], boxes[:k], self._template, self._separator)
        return Item(key, grid.compose(pictures, places, self._size), (caption,))

    def _read(self, path: Path, classes: dict[str, list[Path]]) -> list[list[str]]:
        """The lists of four folders that a file has, by folder or by name."""
        if path.suffix.lower() == ".json":
            lists = json_of(path)
        else:
            lists = [[part.strip() for part in line.split(",")] for line in lines_of(path)]
        folders = {_plain(name): key for key, name in self._names.items() if key in classes}
        folders |= {_plain(key): key for key in classes}
        if not isinstance(lists, list) or not lists:
            raise InputError(f"{str(path)!r} has no lists of classes.")
        drawn = []
        for i, four in enumerate(lists, start=1):
            if not isinstance(four, list) or not all(isinstance(name, str) for name in four):
                raise InputError(f"{str(path)!r}, list {i}: not a list of names.")
            if len(set(map(_plain, four))) != 4 or len(four) != 4:
                raise InputError(f"{str(path)!r}, list {i}: four different classes are needed, got {four}.")
            for name in four:
                if _plain(name) not in folders:
                    raise InputError(f"{str(path)!r}, list {i}: " + unknown("class", name, folders))
            drawn.append([folders[_plain(name)] for name in four])
        return drawn


def _plain(name: str) -> str:
    return " ".join(name.replace("_", " ").lower().split())


def _short(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


def _names(path: Path) -> dict[str, str]:
    """The name of each folder."""
    if path.suffix.lower() != ".json":
        parts = [re.split(r"\s+", line, maxsplit=1) for line in lines_of(path)]
        names = {part[0]: part[1].split(",")[0] if len(part) == 2 else "" for part in parts}
    else:
        document = json_of(path)
        if not isinstance(document, dict):
            raise InputError(f"{str(path)!r} is not a JSON object of folder and name.")
        names = {}
        for key, value in document.items():
            folder_name, name = value if isinstance(value, list) and len(value) == 2 else (key, value)
            if not isinstance(folder_name, str) or not isinstance(name, str):
                raise InputError(f"{str(path)!r}, {key!r}: neither a name nor [folder, name].")
            names[folder_name] = name
    return {key: name.replace("_", " ").strip() for key, name in names.items()}


def _drawn(classes: dict[str, list[Path]], lists: int, n: int, root: Path, rng: np.random.Generator) -> list[list[str]]:
    enough = [name for name, pictures in classes.items() if len(pictures) >= n]
    if len(enough) < 4:
        raise InputError(
            f"{str(root)!r} has {len(enough)} folders with {n} pictures or more (of {len(classes)}): four are needed; "
            "n=... asks for fewer pictures of each."
        )
    return [[enough[i] for i in rng.choice(len(enough), 4, replace=False)] for _ in range(lists)]


def _chosen(path: Path, pictures: list[Path], n: int, rng: np.random.Generator) -> list[Path]:
    if len(pictures) < n:
        raise InputError(f"{str(path)!r} has {len(pictures)} pictures, {n} mosaics need as many: lower n.")
    return [pictures[i] for i in rng.choice(len(pictures), n, replace=False)]


def _copies(mosaics: list[list[Path]]) -> dict[Path, Path]:
    """Files with the same bytes as another one that is shown before. Only files of equal size are read."""
    by_size: dict[int, list[Path]] = defaultdict(list)
    for path in dict.fromkeys(path for paths in mosaics for path in paths):
        if (size := path.stat().st_size) <= MAX_BYTES:  # others are unreadable
            by_size[size].append(path)
    copies: dict[Path, Path] = {}
    first: dict[bytes, Path] = {}
    for path in (path for paths in by_size.values() if len(paths) > 1 for path in paths):
        digest = sha256(read_bytes(path, MAX_BYTES)).digest()
        if first.setdefault(digest, path) != path:
            copies[path] = first[digest]
    return copies
