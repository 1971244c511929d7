"""Data with pictures, captions and grounding: `load_dataset` gives each by name, in one shape (`base.Item`)."""

from importlib import import_module
from inspect import signature
from typing import Any

from fixlip.datasets.base import Dataset
from fixlip.errors import OptionError, unknown

SOURCES = {  # name: the module and class, and what follows the colon: its first argument
    "coco": ("coco:Coco", "root"),
    "flickr30k": ("flickr30k:Flickr30k", "root"),
    "foils": ("foils:Foils", "root"),
    "mosaics": ("mosaics:Mosaics", "root"),
    "scene-foils": ("scene_sets:SceneFoils", "n"),
    "scene-mosaics": ("scene_sets:SceneMosaics", "n"),
    "scenes": ("scene_sets:Scenes", "n"),
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
    target, first = SOURCES[name]
    module, _, cls = target.partition(":")
    make = getattr(import_module(f"fixlip.datasets.{module}"), cls)
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
