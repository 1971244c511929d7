"""The parts of a network: picture, words, lines, discs and key; the unit is the height of the picture."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fixlip.players.base import Players
from fixlip.plots import colours
from fixlip.plots.places import Spot, borders_of, width_of
from fixlip.plots.style import GRID, INK, SOFT

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TYPE = 0.6  # height of the letters, in lines of the column
THICK, THIN = 0.016, 0.0022  # widths of lines
DISC = 0.34  # largest radius, in lines of the column
PAPER = "#f5f3ee"  # behind a word, or in the place of a missing picture
FADED = 0.35  # share of white that is mixed into the picture
DASHES = (0, (2.2, 1.1))


@dataclass(frozen=True)
class Pen:
    """A pen that draws on Axes in their current size."""

    ax: "Axes"

    @property
    def points(self) -> float:
        """Return the length of a unit in points."""
        (left, _), (right, _) = self.ax.transData.transform([(0, 0), (1, 0)])
        return float(right - left) * 72 / self.ax.get_figure(root=True).dpi  # type: ignore[union-attr]

    def line(self, bend: list[Spot], size: float, gid: str) -> None:
        """Draw a line with four control points, in the width and colour of a value from -1 to 1."""
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
        """Draw a disc for a value from 0 to 1, or a ring for a value from -1 to 0."""
        from matplotlib.patches import Circle

        radius = DISC * row * max(0.12, min(1.0, abs(size))) ** 0.5
        rim = min(0.35 * radius, 0.0045)
        face = colour_of(size) if size >= 0 else "white"
        for colour, more, fill in (("white", 0.0035, "white"), (colour_of(size), -rim / 2, face)):
            edge = {"edgecolor": colour, "linewidth": self.points * rim, "facecolor": fill}
            self.ax.add_patch(Circle(place, radius + more, zorder=4, gid=gid, clip_on=False, **edge))

    def text(self, place: Spot, text: str, height: float, **look: Any) -> None:
        """Write text of a height, from a place to the right."""
        self.ax.text(*place, text, fontsize=self.points * height, va="center_baseline", zorder=5, **look)


def colour_of(value: float) -> str:
    """Return the colour of a sign."""
    return colours.POSITIVE if value >= 0 else colours.NEGATIVE


def picture(pen: Pen, players: Players, busy: list[int]) -> None:
    """Draw the faded picture with thin borders of all players, and clear borders of the players with a line."""
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
    """Draw a word on its line of the column."""
    from matplotlib.patches import FancyBboxPatch

    x, y = place
    if strong:
        shape = f"round,pad=0,rounding_size={0.3 * row}"
        box = FancyBboxPatch((x, y - 0.43 * row), right - x, 0.86 * row, shape, facecolor=PAPER, linewidth=0, zorder=1)
        pen.ax.add_patch(box)
    pen.text((x + 0.62 * row, y), label, TYPE * row, color=INK if strong else SOFT)


def bow(start: Spot, end: Spot, *, straight: bool) -> list[Spot]:
    """Return a line that reaches a word horizontally, or a nearly `straight` line between patches."""
    (x, y), (to, down) = start, end
    if straight:
        side = 0.12 * (y - down), 0.12 * (to - x)
        third = ((x + (to - x) * t + side[0], y + (down - y) * t + side[1]) for t in (1 / 3, 2 / 3))
        return [start, *third, end]
    return [start, (x + 0.45 * (to - x), y), (to - 0.45 * (to - x), down), end]


def arc(start: Spot, end: Spot, reach: float) -> list[Spot]:
    """Return an arc between two words; it is wider between distant words, up to `reach`."""
    (x, y), (_, down) = start, end
    out = x + reach * min(1.2, 0.25 + 1.6 * abs(down - y))
    return [start, (out, y), (out, down), end]


def key(pen: Pen, strongest: float | None, largest: float, unit: str, *, row: float, hidden: int) -> None:
    """Draw the key below the picture: the strengths of the widest line and of the largest disc."""
    x, y, letter = 0.0, 1 + 1.1 * row, 0.44 * row
    look: dict[str, Any] = {"color": SOFT}
    for sign in (1, -1) if strongest is not None else ():
        pen.line([(x, y), (x + 0.03, y), (x + 0.06, y), (x + 0.09, y)], sign * 0.8, "key")
        text = f"{'+' if sign > 0 else '−'}{strongest:.2g}"
        pen.text((x + 0.105, y), text, letter, **look)
        x += 0.115 + 0.62 * letter * len(text) + 0.03
    text = f"interaction ({unit})" if strongest is not None else "no interactions"
    pen.text((x, y), text, letter, **look)
    x += 0.52 * letter * len(text) + 0.05
    for sign in (1, -1):
        pen.disc((x, y), sign, row * 0.8, "key")
        x += 0.05
    more = f"   ·   {hidden} words not shown" if hidden else ""
    pen.text((x - 0.015, y), f"±{largest:.2g} first-order effect{more}", letter, **look)
