"""Data with pictures, captions and grounding: `load_dataset` gives each by name, in one shape (`base.Item`)."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from inspect import signature
from typing import Any, Literal

from fixlip.datasets.base import Dataset
from fixlip.errors import OptionError, unknown


@dataclass(frozen=True)
class Source:
    """A data set by name, as one record; the class is imported when the data set is loaded.

    Attributes:
        target: module and class, ``my_package.my_module:MyData``; see `base.Dataset` for what the class has.
        first: parameter of the class that takes what follows the colon: "root" for a path that must be given, "n" for
            a number of items that may be left out.
        example: how the command line shows it.
    """

    target: str
    first: Literal["root", "n"]
    example: str

    def load(self) -> Callable[..., Dataset]:
        """The class."""
        module, _, name = self.target.partition(":")
        make: Callable[..., Dataset] = getattr(import_module(module), name)
        return make


#: The data sets by name: a line each, from which completion, help, documentation and `load_dataset` derive.
SOURCES = {
    "scenes": Source("fixlip.datasets.scene_sets:Scenes", "n", "scenes:200"),
    "scene-mosaics": Source("fixlip.datasets.scene_sets:SceneMosaics", "n", "scene-mosaics:50"),
    "scene-foils": Source("fixlip.datasets.scene_sets:SceneFoils", "n", "scene-foils:100"),
    "coco": Source("fixlip.datasets.coco:Coco", "root", "coco:/path"),
    "flickr30k": Source("fixlip.datasets.flickr30k:Flickr30k", "root", "flickr30k:/path"),
    "mosaics": Source("fixlip.datasets.mosaics:Mosaics", "root", "'mosaics:/path lists=FILE'"),
    "foils": Source("fixlip.datasets.foils:Foils", "root", "foils:/path"),
}


def list_datasets() -> list[str]:
    """The names that `load_dataset` knows, sorted."""
    return sorted(SOURCES)


def load_dataset(spec: str, **options: Any) -> Dataset:
    """A data set by name.

    Args:
        spec: ``scenes`` or ``scenes:50`` (so many scenes), ``scene-mosaics``, ``scene-foils``: bundled, offline;
            ``coco:/path``, ``flickr30k:/path``, ``mosaics:/path``, ``foils:/path``: data in its official layout.
        options: those of the class behind the name: `scene_sets.Scenes`, `scene_sets.SceneMosaics`,
            `scene_sets.SceneFoils`, `coco.Coco`, `flickr30k.Flickr30k`, `mosaics.Mosaics`, `foils.Foils`.

    Returns:
        Items by number, in an order that is the same in every run. Annotations are read now, pictures one at a time
        when they are asked for. An entry that cannot be used is a `base.BadItem` in its place.

    Raises:
        OptionError: no such data set or option (the message names the nearest), or a value outside its range.
        InputError: a file or folder is missing or malformed; the message says which, and where in it.

    Example:
        >>> data = load_dataset("scenes:3")
        >>> len(data), data[0].captions[0].text
        (3, 'a frog, a pineapple, a strawberry and an owl')
    """
    name, _, value = spec.partition(":")
    if name not in SOURCES:
        raise OptionError(unknown("data set", name, SOURCES))
    make, first = SOURCES[name].load(), SOURCES[name].first
    valid = [parameter for parameter in signature(make).parameters if parameter != "root"]
    for option in options:
        if option not in valid:
            raise OptionError(unknown(f"option of {name}", option, valid))
    if first == "root" and not value:
        raise OptionError(f"The data set {name!r} is on disk: say where, as in {name}:/path.")
    if first in options and value:
        raise OptionError(f"{spec!r} says {first}={value}, and the options say {first}={options[first]!r}: give one.")
    if value:
        options[first] = _number(spec, value) if first == "n" else value
    return make(**options)


def _number(spec: str, value: str) -> int:
    if not value.isdecimal() or len(value) > 12:
        raise OptionError(f"{spec!r}: after the colon comes a number of items, got {value!r}.")
    return int(value)
