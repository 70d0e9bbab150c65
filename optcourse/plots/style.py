"""How figures look: one palette, one marker and line style a label, and two sizes (a notebook, a slide)."""

import contextlib
import threading
import weakref
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import matplotlib
import matplotlib.style
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

# Okabe & Ito, Color Universal Design, 2008; gray stands in for their yellow, whose contrast on white is 1.3 to 1.
PALETTE: Mapping[str, str] = MappingProxyType(
    {
        "black": "#000000",
        "blue": "#0072B2",
        "vermillion": "#D55E00",
        "green": "#009E73",
        "orange": "#E69F00",
        "purple": "#CC79A7",
        "sky": "#56B4E9",
        "gray": "#767676",
    }
)


@dataclass(frozen=True)
class Appearance:
    """Color, line style and marker of one label; two appearances differ in at least two of the three."""

    color: str
    linestyle: Any
    marker: str

    @property
    def line(self) -> dict[str, Any]:
        """Keyword arguments of `Axes.plot`."""
        return {"color": self.color, "linestyle": self.linestyle, "marker": self.marker}

    def differences(self, other: "Appearance") -> int:
        """In how many of color, line style and marker the two differ."""
        return sum(mine != theirs for mine, theirs in zip(self.line.values(), other.line.values(), strict=True))


_DASHES: tuple[Any, ...] = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 1)), (0, (8, 2, 2, 2)))
_MARKERS = ("o", "s", "X", "^", "P", "v", "D", "h", "<", ">", "p")
_COLORS = tuple(PALETTE.values())

# One look a name wherever it is drawn, so that a reader learns it once.
_FIXED: Mapping[str, Appearance] = MappingProxyType(
    {
        "sgd": Appearance(PALETTE["black"], "-", "o"),
        "momentum": Appearance(PALETTE["blue"], "--", "s"),
        "nesterov": Appearance(PALETTE["sky"], "-.", "D"),
        "adagrad": Appearance(PALETTE["green"], (0, (5, 1)), "^"),
        "rmsprop": Appearance(PALETTE["purple"], (0, (3, 1, 1, 1)), "v"),
        "adam": Appearance(PALETTE["vermillion"], "-", "X"),
        "amsgrad": Appearance(PALETTE["blue"], ":", "<"),
        "adamw": Appearance(PALETTE["orange"], "--", "P"),
        "sam": Appearance(PALETTE["gray"], "-.", "h"),
    }
)
# Row a, column b of a table in which any two looks differ in at least two of color, dashes and marker.
_SPARE = tuple(
    Appearance(_COLORS[b], _DASHES[(b + 3 * a) % 8], _MARKERS[(b + a) % 11]) for a in range(4) for b in range(8)
)


def appearances(labels: Iterable[str]) -> dict[str, Appearance]:
    """Color, line style and marker of each label, in the order given.

    The name of an optimizer always gets its own look, in whatever case. A label that only starts with one
    (`"adam, no bias correction"`) gets it too while it is free; the others take what is left, in order.

    Raises:
        ValueError: for more labels than can be told apart, about thirty.

    Example:
        >>> looks = appearances(["Adam", "mine"])
        >>> looks["Adam"].color, looks["mine"].marker != looks["Adam"].marker
        ('#D55E00', True)
    """
    labels = list(dict.fromkeys(str(label) for label in labels))
    looks = {label: _FIXED[label.strip().lower()] for label in labels if label.strip().lower() in _FIXED}
    for label in labels:
        first = label.lower().replace(",", " ").replace("(", " ").split()[:1]
        look = _FIXED.get(first[0]) if first else None
        if label not in looks and look is not None and look not in looks.values():
            looks[label] = look
    colors = [look.color for look in looks.values()]
    spare = [look for look in _SPARE if all(look.differences(other) >= 2 for other in looks.values())]
    spare.sort(key=lambda look: look.color in colors)  # stable: colors not yet in use first
    others = [label for label in labels if label not in looks]
    if len(others) > len(spare):
        can = len(looks) + len(spare)
        raise ValueError(f"of {len(labels)} labels only {can} can be told apart; draw fewer in one figure")
    looks.update(zip(others, spare, strict=False))
    return {label: looks[label] for label in labels}


_COMMON: Mapping[str, Any] = MappingProxyType(
    {
        "axes.axisbelow": True,
        "axes.grid": True,
        "axes.spines.right": False,
        "axes.spines.top": False,
        "axes.titlelocation": "left",
        "axes.titleweight": "bold",
        "axes.prop_cycle": cycler(color=_COLORS),
        "figure.constrained_layout.use": True,
        "figure.facecolor": "white",  # opaque: black text stays readable in a dark theme
        "font.family": ["DejaVu Sans"],  # ships with matplotlib, so a figure is the same everywhere
        "grid.color": "#dddddd",
        "legend.frameon": True,
        "legend.framealpha": 0.85,
        "legend.edgecolor": "#dddddd",
        "savefig.facecolor": "white",
    }
)
_SIZES: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "notebook": {
            "figure.figsize": (6.8, 3.8),
            "figure.dpi": 144,
            "font.size": 10,
            "axes.titlesize": 11,
            "legend.fontsize": 8.5,
            "legend.title_fontsize": 8.5,
            "lines.linewidth": 1.8,
            "lines.markersize": 5,
        },
        # 22 points on a figure 13.3 inches wide: a thirtieth of a 16:9 slide's height, read from the last row.
        "slides": {
            "figure.figsize": (13.3, 7.0),
            "figure.dpi": 96,
            "font.size": 22,
            "axes.titlesize": 26,
            "axes.linewidth": 1.6,
            "legend.fontsize": 19,
            "legend.title_fontsize": 19,
            "lines.linewidth": 4,
            "lines.markersize": 12,
            "xtick.major.size": 8,
            "ytick.major.size": 8,
            "xtick.major.width": 1.6,
            "ytick.major.width": 1.6,
        },
    }
)

# matplotlib's settings belong to the process, and an explorer may redraw from another thread than a cell's.
_settings = threading.RLock()


@contextlib.contextmanager
def style(name: str = "notebook") -> Iterator[None]:
    """Draw in the look of a `"notebook"` or of `"slides"`; matplotlib's settings are put back afterwards.

    Starts from matplotlib's defaults, not from the caller's settings, so that a figure is the same everywhere.

    Raises:
        ValueError: for another name.

    Example:
        >>> with style("slides"):
        ...     matplotlib.rcParams["font.size"]
        22.0
    """
    if name not in _SIZES:
        raise ValueError(f"style must be one of {', '.join(map(repr, _SIZES))}, got {name!r}")
    with _settings, matplotlib.style.context(["default", {**_COMMON, **_SIZES[name]}]):
        yield


drawing_style = style  # `figure` has an argument of that name
_style_of: "weakref.WeakKeyDictionary[Figure, str]" = weakref.WeakKeyDictionary()


def figure(
    rows: int = 1,
    columns: int = 1,
    *,
    style: str = "notebook",
    width: float | None = None,
    height: float | None = None,
    sharex: bool = False,
    sharey: bool = False,
) -> tuple[Figure, Any]:
    """A new figure and its Axes (one Axes, or an array shaped like `Axes` of `pyplot.subplots`).

    The figure belongs to nobody: pyplot does not know it, so nothing is shown twice and nothing needs closing.
    What is drawn into it by this package takes its style, also outside a `with style(...)`.

    Args:
        rows, columns: of Axes, each at least 1.
        style: "notebook" or "slides".
        width, height: inches; by default 6.8 x 3.8 for one notebook panel (taller for more rows, up to 10 wide for
            more columns), 13.3 x 7.0 for slides.
        sharex, sharey: as in `pyplot.subplots`.

    Raises:
        ValueError: for another style, or a number of rows or columns below 1.

    Example:
        >>> panels, (left, right) = figure(columns=2)
        >>> panels.axes == [left, right]
        True
    """
    if rows < 1 or columns < 1:
        raise ValueError(f"a figure needs at least 1 row and 1 column, got {rows} x {columns}")
    with drawing_style(style):
        default_width, default_height = matplotlib.rcParams["figure.figsize"]
        if style == "notebook":
            default_width, default_height = min(default_width * columns**0.5, 10), default_height * (1 + rows) / 2
        made = Figure(figsize=(width or default_width, height or default_height))
        FigureCanvasAgg(made)
        axes = made.subplots(rows, columns, sharex=sharex, sharey=sharey)
    _style_of[made] = style
    return made, axes


def in_style_of(drawn: Axes | Figure) -> contextlib.AbstractContextManager[None]:
    """The style that a figure was made with; whatever is in force when it was made elsewhere."""
    made = drawn.get_figure() if isinstance(drawn, Axes) else drawn
    name = _style_of.get(made) if isinstance(made, Figure) else None
    return style(name) if name else contextlib.nullcontext()
