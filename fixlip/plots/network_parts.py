"""What a network is made of: the picture, the words, lines, discs, the key; the unit is the height of the picture."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fixlip.players.base import Players
from fixlip.plots import colours
from fixlip.plots.places import Spot, borders_of, width_of
from fixlip.plots.style import GRID, INK, SOFT

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TYPE = 0.6  # height of the letters, in lines of the column
THICK, THIN = 0.016, 0.0022  # lines
DISC = 0.34  # largest radius, in lines of the column
PAPER = "#f5f3ee"  # behind a word, or a picture that is not there
FADED = 0.35  # how much white is in the picture
DASHES = (0, (2.2, 1.1))


@dataclass(frozen=True)
class Pen:
    """Axes, and the points that their unit has now."""

    ax: "Axes"

    @property
    def points(self) -> float:
        """Of a unit."""
        (left, _), (right, _) = self.ax.transData.transform([(0, 0), (1, 0)])
        return float(right - left) * 72 / self.ax.get_figure(root=True).dpi  # type: ignore[union-attr]

    def line(self, bend: list[Spot], size: float, gid: str) -> None:
        """A line of the width and the colour of a value from -1 to 1, with four control points."""
        from matplotlib.patches import PathPatch
        from matplotlib.path import Path
        from matplotlib.patheffects import Normal, Stroke

        strength = min(1.0, abs(size))
        width = self.points * (THIN + (THICK - THIN) * strength)
        codes = [Path.MOVETO, *[Path.CURVE4] * 3]
        halo = Stroke(linewidth=width + 1.4, foreground="white", alpha=0.55)
        look: dict[str, Any] = {"edgecolor": colour_of(size), "alpha": 0.45 + 0.5 * strength, "linewidth": width}
        self.ax.add_patch(
            PathPatch(
                Path(bend, codes), facecolor="none", linestyle="-" if size >= 0 else DASHES, zorder=3, gid=gid,
                path_effects=[halo, Normal()], clip_on=False, **look,
            )
        )  # fmt: skip

    def disc(self, place: Spot, size: float, row: float, gid: str) -> None:
        """A disc for a value from -1 to 1, a ring for one below 0."""
        from matplotlib.patches import Circle

        radius = DISC * row * max(0.12, min(1.0, abs(size))) ** 0.5
        rim = min(0.35 * radius, 0.0045)
        face = colour_of(size) if size >= 0 else "white"
        for colour, more, fill in (("white", 0.0035, "white"), (colour_of(size), -rim / 2, face)):
            edge = {"edgecolor": colour, "linewidth": self.points * rim, "facecolor": fill}
            self.ax.add_patch(Circle(place, radius + more, zorder=4, gid=gid, clip_on=False, **edge))

    def text(self, place: Spot, text: str, height: float, **look: Any) -> None:
        """Letters so high, from here to the right."""
        self.ax.text(*place, text, fontsize=self.points * height, va="center_baseline", zorder=5, **look)


def colour_of(value: float) -> str:
    """Of a sign."""
    return colours.POSITIVE if value >= 0 else colours.NEGATIVE


def picture(pen: Pen, players: Players, busy: list[int]) -> None:
    """The picture, paler; thin borders of all its players, and clear ones of those that have a line."""
    from matplotlib.collections import LineCollection
    from matplotlib.patches import Rectangle

    width = width_of(players)
    if players.picture is None:
        pen.ax.add_patch(Rectangle((0, 0), width, 1, facecolor=PAPER, edgecolor=GRID, zorder=0))
    else:
        faded = FADED + (1 - FADED) * players.picture / 255
        limits = pen.ax.get_xlim(), pen.ax.get_ylim()
        pen.ax.imshow(faded, extent=(0, width, 1, 0), zorder=0, aspect="equal")
        pen.ax.set(xlim=limits[0], ylim=limits[1])
    borders = borders_of(players)
    thin = [line for several in borders for line in several]
    clear = [line for i in busy for line in borders[i]]
    for lines, colour, thickness in ((thin, (1, 1, 1, 0.5), 0.5), (clear, "white", 2.2), (clear, INK, 0.9)):
        pen.ax.add_collection(LineCollection(lines, colors=[colour], linewidths=thickness, zorder=2), autolim=False)


def word(pen: Pen, label: str, place: Spot, right: float, row: float, *, strong: bool) -> None:
    """A word in its line of the column."""
    from matplotlib.patches import FancyBboxPatch

    x, y = place
    if strong:
        shape = f"round,pad=0,rounding_size={0.3 * row}"
        box = FancyBboxPatch((x, y - 0.43 * row), right - x, 0.86 * row, shape, facecolor=PAPER, linewidth=0, zorder=1)
        pen.ax.add_patch(box)
    pen.text((x + 0.62 * row, y), label, TYPE * row, color=INK if strong else SOFT)


def bow(start: Spot, end: Spot, *, straight: bool) -> list[Spot]:
    """A line from a patch to a word, which it meets level; one between patches is nearly `straight`."""
    (x, y), (to, down) = start, end
    if straight:
        side = 0.12 * (y - down), 0.12 * (to - x)
        third = ((x + (to - x) * t + side[0], y + (down - y) * t + side[1]) for t in (1 / 3, 2 / 3))
        return [start, *third, end]
    return [start, (x + 0.45 * (to - x), y), (to - 0.45 * (to - x), down), end]


def arc(start: Spot, end: Spot, reach: float) -> list[Spot]:
    """A line between two words, around those between them; the farther the wider, within `reach`."""
    (x, y), (_, down) = start, end
    out = x + reach * min(1.2, 0.25 + 1.6 * abs(down - y))
    return [start, (out, y), (out, down), end]


def key(pen: Pen, strongest: float | None, largest: float, unit: str, *, row: float, hidden: int) -> None:
    """Under the picture: how strong the widest line is, how strong the largest disc."""
    x, y, letter = 0.0, 1 + 1.1 * row, 0.44 * row
    look: dict[str, Any] = {"color": SOFT}
    for sign in (1, -1) if strongest is not None else ():
        pen.line([(x, y), (x + 0.03, y), (x + 0.06, y), (x + 0.09, y)], sign * 0.8, "key")
        said = f"{'+' if sign > 0 else '−'}{strongest:.2g}"
        pen.text((x + 0.105, y), said, letter, **look)
        x += 0.115 + 0.62 * letter * len(said) + 0.03
    said = f"interaction ({unit})" if strongest is not None else "no interactions"
    pen.text((x, y), said, letter, **look)
    x += 0.52 * letter * len(said) + 0.05
    for sign in (1, -1):
        pen.disc((x, y), sign, row * 0.8, "key")
        x += 0.05
    more = f"   ·   {hidden} words not shown" if hidden else ""
    pen.text((x - 0.015, y), f"±{largest:.2g} first-order effect{more}", letter, **look)
