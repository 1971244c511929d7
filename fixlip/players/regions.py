"""Regions of a picture as players: grids, superpixels, label maps, masks and boxes, all as one label map."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from fixlip.arguments import in_order
from fixlip.errors import InputError, MissingExtraError, OptionError, unknown

Part = np.ndarray | Sequence[float] | Mapping[str, Any]  # a mask, a box (left, top, right, bottom), or a dict of SAM
RegionsLike = str | np.ndarray | Iterable[Part] | Mapping[str, Part]
Where = np.ndarray | tuple[slice, slice]

MAX_REGIONS = 4096
SLIC_SIDE = 512  # pixels of the longer side at which superpixels are looked for
ALLOWED = (
    "'grid:3', 'grid:2x3', 'slic:40', an integer label map [height, width], boolean masks [k, height, width], "
    "a list of masks or of boxes (left, top, right, bottom), or a mapping from names to masks or boxes"
)


@dataclass(frozen=True, eq=False)
class Regions:
    """Parts of a picture that do not overlap.

    Attributes:
        labels: int16 [height, width] over the upright picture in its own pixels: index of the region, -1 for none.
        names: what to call each region.
    """

    labels: np.ndarray
    names: tuple[str, ...]


def make_regions(spec: RegionsLike, image: Image.Image) -> Regions:
    """Regions of a picture from whatever describes them.

    Masks and boxes may overlap: a pixel goes to the smallest of those it lies in (of equals to the first), so that a
    small object on a large one stays whole. A pixel lies in a box if its centre does; of a box that reaches outside the
    picture the part inside counts.

    Args:
        spec: one of

            - ``"grid:3"`` (3 x 3) or ``"grid:2x3"`` (rows x columns);
            - ``"slic"`` or ``"slic:40"``: superpixels, 50 or the given number to start from (needs scikit-image);
            - integers [height, width]: one region for each value, in increasing order; negative where there is none;
            - booleans [height, width]: one region;
            - masks: booleans [k, height, width], a list of [height, width], or of dicts with a "segmentation" (SAM);
            - boxes: a list of (left, top, right, bottom), or floats [k, 4], in pixels of the picture;
            - a mapping from names to masks or boxes.
        image: the upright picture.

    Returns:
        Regions over the picture; named "region 1" and so on, "row 1, column 1" for a grid, or as in the mapping.

    Raises:
        InputError: another size than the picture's, an empty mask, a box without area or outside the picture, numbers
            that are not finite, a region hidden by smaller ones, no region, more than 4096, or another type.
        OptionError: an unknown string.
        MissingExtraError: superpixels without scikit-image.

    Example:
        >>> picture = Image.new("RGB", (4, 2))
        >>> make_regions({"all": (0, 0, 4, 2), "dog": (1, 0, 3, 1)}, picture).labels
        array([[0, 1, 1, 0],
               [0, 0, 0, 0]], dtype=int16)
        >>> make_regions("grid:1x2", picture).names
        ('row 1, column 1', 'row 1, column 2')
    """
    shape = (image.height, image.width)
    if isinstance(spec, str):
        return _named(spec, image)
    if isinstance(spec, Mapping):
        return _stack(list(spec.values()), shape, list(spec))
    is_array = hasattr(spec, "__array__") and np.asarray(spec).dtype != object  # which a column of boxes is not
    if isinstance(spec, Iterable) and not is_array:
        return _stack(in_order("image_players", spec), shape)
    array = _array(spec, "the regions")
    if array.ndim == 2 and array.shape[1] == 4 and array.dtype.kind == "f":
        return _stack(list(array), shape)
    if array.dtype == bool and array.ndim in (2, 3):
        return _stack([array] if array.ndim == 2 else list(array), shape)
    if array.ndim != 2 or array.dtype.kind not in "iu":
        raise InputError(f"Regions are {ALLOWED}; got an array of {array.dtype} of shape {array.shape}.")
    _same_size(array, shape, "A label map (boxes are a list or an array of floats)")
    return _numbered(array)


def as_seen(regions: Regions, visible: tuple[float, float, float, float], size: tuple[int, int]) -> np.ndarray:
    """The label map at the input of a model: for each of its pixels the region under the centre.

    Args:
        regions: over the picture.
        visible: what the model sees (left, top, right, bottom), in pixels of the picture; may reach outside.
        size: width and height of the model's input.

    Returns:
        int16 [height, width], -1 outside the picture.

    Raises:
        InputError: a visible box or a size without area.

    Example:
        >>> regions = make_regions(np.array([[0, 1, 2]]), Image.new("RGB", (3, 1)))
        >>> as_seen(regions, (-1, 0, 3, 1), (4, 2))
        array([[-1,  0,  1,  2],
               [-1,  0,  1,  2]], dtype=int16)
    """
    left, top, right, bottom = visible
    if not (np.isfinite(visible).all() and left < right and top < bottom and min(size) > 0):
        raise InputError(f"A model sees a box with area at a size above zero, got {tuple(visible)} at {tuple(size)}.")
    height, width = regions.labels.shape
    x = np.floor(left + (np.arange(size[0]) + 0.5) * ((right - left) / size[0]))
    y = np.floor(top + (np.arange(size[1]) + 0.5) * ((bottom - top) / size[1]))
    inside = ((y >= 0) & (y < height))[:, None] & ((x >= 0) & (x < width))
    seen = regions.labels[np.ix_(y.clip(0, height - 1).astype(int), x.clip(0, width - 1).astype(int))]
    return np.where(inside, seen, np.int16(-1))


def drop_unseen(labels: np.ndarray, names: Sequence[str]) -> tuple[np.ndarray, tuple[str, ...], tuple[str, ...]]:
    """A label map without the regions that have no pixel left, numbered anew in the same order.

    Args:
        labels: [height, width], -1 for none.
        names: of all regions.

    Returns:
        Label map int16 [height, width], names kept, names lost.

    Example:
        >>> drop_unseen(np.array([[-1, 2, 0]]), ["dog", "cat", "hat"])
        (array([[-1,  1,  0]], dtype=int16), ('dog', 'hat'), ('cat',))
    """
    kept = np.zeros(len(names) + 1, dtype=bool)
    kept[np.unique(labels)] = True  # -1 marks the last entry
    kept[-1] = False
    new = np.where(kept, np.cumsum(kept) - 1, -1).astype(np.int16)
    lost = tuple(name for name, stays in zip(names, kept[:-1], strict=True) if not stays)
    return new[labels], tuple(name for name, stays in zip(names, kept[:-1], strict=True) if stays), lost


def patch_owner(labels: np.ndarray, grid: tuple[int, int]) -> tuple[np.ndarray, bool]:
    """For each patch of a grid the region that most of its pixels belong to.

    Args:
        labels: [height, width], -1 for none, which counts like a region; ties go to a region, then to the lower index.
        grid: rows and columns; where they do not divide the height and width, the edges are rounded to pixels.

    Returns:
        int16 [rows * columns], row by row, -1 for none; and whether every patch is of one label throughout, so that to
        remove the patches is to remove the pixels.

    Raises:
        InputError: more patches than pixels along a side.

    Example:
        >>> patch_owner(np.array([[0, 0, 0, 1], [0, 0, -1, 1]]), (1, 2))
        (array([0, 1], dtype=int16), False)
    """
    patch, n = _cells(labels.shape, grid), max(int(labels.max()) + 1, 0)
    columns = np.where(labels < 0, n, labels)  # "none" last: the first of equals wins
    size = grid[0] * grid[1] * (n + 1)
    counts = np.bincount((patch * (n + 1) + columns).ravel(), minlength=size).reshape(-1, n + 1)
    owner = counts.argmax(axis=1)
    pure = bool((counts.max(axis=1) == counts.sum(axis=1)).all())
    return np.where(owner == n, -1, owner).astype(np.int16), pure


def region_box(labels: np.ndarray, index: int) -> tuple[float, float, float, float]:
    """The smallest box around a region: left, top, right, bottom as fractions (0..1) of the label map.

    Raises:
        InputError: a region without a pixel.

    Example:
        >>> region_box(np.array([[-1, 0, 0, -1], [-1, -1, -1, -1]]), 0)
        (0.25, 0.0, 0.75, 0.5)
    """
    mask = labels == index
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not rows.size:
        raise InputError(f"Region {index} has no pixel in the label map.")
    height, width = labels.shape
    return (
        float(columns[0] / width),
        float(rows[0] / height),
        float((columns[-1] + 1) / width),
        float((rows[-1] + 1) / height),
    )


def _named(spec: str, image: Image.Image) -> Regions:
    kind, _, rest = spec.partition(":")
    if kind not in ("grid", "slic"):
        raise OptionError(unknown("kind of regions", kind, ("grid", "slic")))
    given = rest.split("x") if kind == "grid" else [rest or "50"]
    if spec.endswith(":") or len(given) > 2 or not all(n.isdecimal() and len(n) < 9 and int(n) for n in given):
        shapes = "'grid:3' or 'grid:2x3' (rows x columns)" if kind == "grid" else "'slic' or 'slic:40'"
        raise OptionError(f"Regions of kind {kind!r} are written {shapes}, got {spec!r}.")
    if kind == "slic":
        return _superpixels(image, _at_most(int(rest or 50)))
    rows, columns = int(given[0]), int(given[-1])
    _at_most(rows * columns)
    names = tuple(f"row {r + 1}, column {c + 1}" for r in range(rows) for c in range(columns))
    return Regions(_cells((image.height, image.width), (rows, columns)).astype(np.int16), names)


def _superpixels(image: Image.Image, n: int) -> Regions:
    try:
        from skimage.segmentation import slic
    except ImportError as error:
        raise MissingExtraError("Superpixels need scikit-image: pip install 'fixlip[regions]'.") from error
    small = image.convert("RGB")
    small.thumbnail((SLIC_SIDE, SLIC_SIDE))
    options = {"compactness": 20, "sigma": 1}  # the defaults, 10 and 0, leave a few large regions in a busy picture
    labels = _numbered(slic(np.asarray(small), n_segments=n, start_label=0, channel_axis=-1, **options))
    return Regions(as_seen(labels, (0, 0, small.width, small.height), image.size), labels.names)


def _stack(items: list[Any], shape: tuple[int, int], names: Sequence[Any] = ()) -> Regions:
    """Masks and boxes on top of each other, the largest below."""
    _at_most(len(items))
    names = tuple(names) or _numbers(len(items))
    for name in names:
        if not isinstance(name, str) or not name.strip():
            raise InputError(f"The name of a region is a text, got {name!r}.")
    places = [_place(item, shape, name) for item, name in zip(items, names, strict=True)]
    labels = np.full(shape, -1, dtype=np.int16)
    for index in sorted(range(len(items)), key=lambda i: (-places[i][0], -i)):
        labels[places[index][1]] = index
    hidden = np.setdiff1d(np.arange(len(items)), labels)
    if hidden.size:
        raise InputError(f"{names[hidden[0]]!r} is covered by smaller regions; leave it out or leave out those.")
    return Regions(labels, names)


def _place(item: Any, shape: tuple[int, int], name: str) -> tuple[int, Where]:
    """Number of pixels of a mask or a box, and an index of them."""
    if isinstance(item, Mapping) and "segmentation" in item:
        item = item["segmentation"]
    array = _array(item, repr(name))
    if array.ndim == 2 and array.dtype == bool:
        _same_size(array, shape, repr(name))
        if not array.any():
            raise InputError(f"{name!r} is an empty mask.")
        return int(np.count_nonzero(array)), array
    if array.shape != (4,) or array.dtype.kind not in "iuf":
        raise InputError(
            f"{name!r} is a boolean mask [height, width] or a box (left, top, right, bottom), "
            f"got {array.dtype} of shape {array.shape}."
        )
    box = tuple(array.tolist())
    if not np.isfinite(array).all() or box[0] >= box[2] or box[1] >= box[3]:
        raise InputError(f"{name!r} is a box with left < right and top < bottom, got {box}.")
    height, width = shape
    left, top, right, bottom = (
        int(np.clip(np.ceil(edge - 0.5), 0, end)) for edge, end in zip(box, (width, height) * 2, strict=True)
    )
    if left == right or top == bottom:
        raise InputError(f"{name!r}, box {box}, holds no pixel of a picture of {width} x {height}.")
    return (right - left) * (bottom - top), (slice(top, bottom), slice(left, right))


def _numbered(array: np.ndarray) -> Regions:
    """A label map whose values, where not negative, become 0, 1, ... in increasing order."""
    values, places = np.unique(array, return_inverse=True)
    negative = int(np.count_nonzero(values < 0))
    names = _numbers(_at_most(len(values) - negative))
    return Regions(np.maximum(places.reshape(array.shape) - negative, -1).astype(np.int16), names)


def _cells(shape: tuple[int, ...], grid: tuple[int, int]) -> np.ndarray:
    """For each pixel the cell of a grid, row by row, that it lies in."""
    if min(grid) < 1 or grid[0] > shape[0] or grid[1] > shape[1]:
        raise InputError(f"{shape[1]} x {shape[0]} pixels cannot be cut into {grid[0]} rows and {grid[1]} columns.")
    row, column = (
        np.repeat(np.arange(n), np.diff(np.round(np.linspace(0, side, n + 1)).astype(int)))
        for side, n in zip(shape, grid, strict=True)
    )
    return row[:, None] * grid[1] + column


def _array(item: Any, what: str) -> np.ndarray:
    try:
        array = np.asarray(item)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"Cannot read {what} as an array; regions are {ALLOWED}.") from error
    if array.dtype.kind not in "biuf" or array.ndim == 0:
        raise InputError(f"Regions are {ALLOWED}; got {type(item).__name__} for {what}.")
    return array


def _same_size(array: np.ndarray, shape: tuple[int, int], what: str) -> None:
    if array.shape != shape:
        raise InputError(f"{what} is {array.shape[1]} x {array.shape[0]} pixels, the picture {shape[1]} x {shape[0]}.")


def _at_most(n: int) -> int:
    if not 1 <= n <= MAX_REGIONS:
        raise InputError(f"A picture has 1 to {MAX_REGIONS} regions, got {n}.")
    return n


def _numbers(n: int) -> tuple[str, ...]:
    return tuple(f"region {i + 1}" for i in range(n))
