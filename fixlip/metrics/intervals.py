"""Bootstrap intervals of means and medians, over items whose values hang together."""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

import numpy as np

from fixlip.errors import InputError, OptionError, unknown

Values = float | Sequence[float] | np.ndarray
Statistic = Literal["median", "mean"]
AT_ONCE = 2_000_000  # numbers that a batch of resamples holds


def _medians(values: np.ndarray, items: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The median of the values [N] of items [N] that come so often in each resample, [B, items] -> [B]."""
    order = np.argsort(values)
    places = np.cumsum(counts[:, items[order]], axis=1, dtype=np.int32)  # of the last copy of each value
    total = places[:, -1:]
    low, high = ((places <= k).sum(1) for k in ((total - 1) // 2, total // 2))
    return (values[order[low]] + values[order[high]]) / 2


def _means(values: np.ndarray, items: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The mean of the same values, [B]."""
    n = counts.shape[1]
    sums = np.column_stack([np.bincount(items, values, n), np.bincount(items, minlength=n)])
    total, number = (counts.astype(float) @ sums).T
    return total / number


STATISTICS: dict[str, Callable[..., np.ndarray]] = {"median": _medians, "mean": _means}


class Interval(NamedTuple):
    """A statistic with the bounds of its interval; NaN where there are none."""

    value: float
    low: float
    high: float


def bootstrap(
    groups: Iterable[Values],
    statistic: Statistic = "median",
    *,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Interval:
    """The median or mean of all values, with a percentile interval from resampled groups.

    The values of a group (the objects of one picture, say) come and stay away together, since they are not independent.

    Args:
        groups: for each item a number or several. NaN is dropped, and so is an item that has nothing else.
        statistic: of all values alike, whatever their item.
        level: of the interval, in (0, 1).
        resamples: how many.
        seed: fixes them.

    Returns:
        NaN bounds for a single item, NaN throughout for none.

    Raises:
        OptionError: another statistic.

    Example:
        >>> bootstrap([1.0, [2.0, float("nan")], [3.0, 5.0]]).value
        2.5
        >>> bootstrap([[1.0, 2.0]])
        Interval(value=1.5, low=nan, high=nan)
    """
    values, items = _in_a_row(groups)
    kept = ~np.isnan(values)
    return _interval([values[kept]], items[kept], statistic, level, resamples, seed)


def paired(
    groups_a: Mapping[Hashable, Values],
    groups_b: Mapping[Hashable, Values],
    statistic: Statistic = "median",
    *,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Interval:
    """The statistic of a minus that of b over the items that both have, with an interval from resampled items.

    Every resample has the same items on both sides, so what makes an item hard for both does not widen the interval.

    Args:
        groups_a, groups_b: item -> its values, as many on both sides and in the same order; a value that is NaN on one
            side is dropped on both.
        statistic, level, resamples, seed: as in `bootstrap`.

    Raises:
        InputError: an item with different numbers of values.
        OptionError: another statistic.

    Example:
        >>> paired({"x": 3.0, "y": 5.0, "z": 9.0}, {"y": 4.0, "x": 2.0}, "mean")
        Interval(value=1.0, low=1.0, high=1.0)
    """
    common = [item for item in groups_a if item in groups_b]
    (a, items), (b, others) = (_in_a_row(groups[item] for item in common) for groups in (groups_a, groups_b))
    sizes, other_sizes = (np.bincount(numbers, minlength=len(common)) for numbers in (items, others))
    if (sizes != other_sizes).any():
        k = int(np.argmax(sizes != other_sizes))
        raise InputError(
            f"Item {common[k]!r} has {sizes[k]} and {other_sizes[k]} values; a difference needs as many of both."
        )
    both = ~(np.isnan(a) | np.isnan(b))
    return _interval([a[both], b[both]], items[both], statistic, level, resamples, seed)


def by_class(
    values: Iterable[tuple[Hashable, str, float]],
    statistic: Statistic = "median",
    *,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> dict[str, Interval]:
    """`bootstrap` for each class, classes in alphabetical order.

    Args:
        values: item, class and value of each object; objects of one item and class are resampled together.
        statistic, level, resamples, seed: as in `bootstrap`.

    Example:
        >>> by_class([("x", "dog", 1.0), ("x", "cat", 4.0), ("y", "dog", 3.0)], "mean")["dog"].value
        2.0
    """
    groups: dict[str, dict[Hashable, list[float]]] = {}
    for item, name, value in values:
        groups.setdefault(name, {}).setdefault(item, []).append(value)
    options = {"level": level, "resamples": resamples, "seed": seed}
    return {name: bootstrap(groups[name].values(), statistic, **options) for name in sorted(groups)}  # type: ignore[arg-type]


def _in_a_row(groups: Iterable[Values]) -> tuple[np.ndarray, np.ndarray]:
    """All values, [N], and the number of the group of each."""
    lists = [group if isinstance(group, list) else np.ravel(group).tolist() for group in groups]
    values = np.array([value for group in lists for value in group], dtype=float)
    return values, np.repeat(np.arange(len(lists)), [len(group) for group in lists])


def _interval(
    sides: Sequence[np.ndarray], items: np.ndarray, statistic: str, level: float, resamples: int, seed: int
) -> Interval:
    """The statistic of values [N] of these items, minus that on the second side where there is one, resampled alike."""
    if statistic not in STATISTICS:
        raise OptionError(unknown("statistic", statistic, STATISTICS))
    names, items = np.unique(items, return_inverse=True)
    n, of = len(names), STATISTICS[statistic]
    if n == 0:
        return Interval(float("nan"), float("nan"), float("nan"))

    def estimates(counts: np.ndarray) -> np.ndarray:
        first, *second = (of(values, items, counts) for values in sides)
        return first - second[0] if second else first

    value = float(estimates(np.ones((1, n), dtype=np.uint16))[0])
    if n == 1:
        return Interval(value, float("nan"), float("nan"))
    counts, step = _draws(n, resamples, seed), max(1, AT_ONCE // len(items))
    drawn = np.concatenate([estimates(counts[first : first + step]) for first in range(0, resamples, step)])
    low, high = np.percentile(drawn, [50 * (1 - level), 50 * (1 + level)])
    return Interval(value, float(low), float(high))


@lru_cache(maxsize=1)
def _draws(n: int, resamples: int, seed: int) -> np.ndarray:
    """Counts of n items in each resample, [resamples, n]; drawn as `scipy.stats.bootstrap` draws them."""
    rng, step = np.random.default_rng(seed), max(1, AT_ONCE // n)
    counts = np.empty((resamples, n), dtype=np.uint16)
    for first in range(0, resamples, step):
        part = counts[first : first + step]
        drawn = rng.integers(0, n, part.shape) + n * np.arange(len(part))[:, None]
        part[:] = np.bincount(drawn.ravel(), minlength=part.size).reshape(part.shape)
    return counts
