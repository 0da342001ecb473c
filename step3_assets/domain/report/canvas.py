"""Blank plots, and saving them as PNG: one style, and the same bytes each time.

Belongs here: sizes, fonts, the SYNTHETIC mark, compression. Does not belong here: the content of a
plot. Matplotlib is imported when the first plot is made, not when this module is imported, and
without ``pyplot``, so that no global state remains.

Every plot is made in two sizes: one for the page, and a small one (at most 25 kB) for a phone or
for the metadata panel of the Dagster UI.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SMALL_LIMIT_BYTES = 25_000
INK, FAINT, GRID = "#222222", "#6b6b6b", "#dddddd"
BLUE, VERMILLION, ORANGE, GREEN = "#0072B2", "#D55E00", "#E69F00", "#009E73"
MARK = "SYNTHETIC"


@dataclass(frozen=True)
class Layout:
    """Size of a figure and how its panels are placed.

    Parameters
    ----------
    panels : int
        Number of axes.
    height : float
        Height as a share of the usual height.
    beside : bool
        Panels stand beside one another, except in the small size, where they are always stacked.
    ratios : tuple of float, optional
        Relative heights of stacked panels.
    share_x : bool
        Stacked panels share their horizontal axis.
    """

    panels: int = 1
    height: float = 1.0
    beside: bool = False
    ratios: tuple[float, ...] | None = None
    share_x: bool = False


@dataclass
class Canvas:
    """A figure being drawn.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    axes : list of matplotlib.axes.Axes
    is_small : bool
    """

    figure: "Figure"
    axes: "list[Axes]"
    is_small: bool
    png: bytes = b""


@contextmanager
def canvas(
    title: str, layout: Layout | None = None, *, is_synthetic: bool, small: bool
) -> Iterator[Canvas]:
    """A titled figure to draw on; after the ``with`` block, ``png`` holds its bytes.

    Parameters
    ----------
    title : str
    layout : Layout, optional
        By default one panel of the usual height.
    is_synthetic : bool
        Puts SYNTHETIC into the title and across the figure.
    small : bool
        Phone size, at most 25 kB.
    """
    import matplotlib
    from matplotlib.figure import Figure

    layout = layout or Layout()
    panels, ratios = layout.panels, layout.ratios
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_look(small))
        width, base = (4.0, 2.7) if small else (8.4, 4.1)
        is_row = layout.beside and not small
        is_stack = panels > 1 and not is_row and not ratios
        tall = layout.height * 0.78 * panels if is_stack else layout.height
        figure = Figure(figsize=(width, base * tall), layout="constrained")
        grid = {"height_ratios": ratios} if ratios else None
        axes = figure.subplots(
            1 if is_row else panels,
            panels if is_row else 1,
            squeeze=False,
            sharex="all" if layout.share_x else "none",
            gridspec_kw=grid,
        )
        sheet = Canvas(figure, list(axes.ravel()), small)
        text = f"{MARK} · {title}" if is_synthetic else title
        figure.suptitle(text, x=0.01, ha="left", fontweight="bold")
        yield sheet
        if is_synthetic:
            _watermark(figure)
        sheet.png = _png(figure, small)


def _look(small: bool) -> dict:
    size = 7.5 if small else 9.0
    return {
        "figure.dpi": 160 if small else 150,
        "font.family": "DejaVu Sans",
        "font.size": size,
        "figure.titlesize": size + 1,
        "axes.titlesize": size,
        "axes.titlelocation": "left",
        "axes.labelsize": size,
        "axes.edgecolor": FAINT,
        "axes.labelcolor": INK,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "axes.unicode_minus": False,
        "grid.color": GRID,
        "grid.linewidth": 0.6,
        "text.color": INK,
        "xtick.color": INK,
        "ytick.color": INK,
        "xtick.labelsize": size - 0.5,
        "ytick.labelsize": size - 0.5,
        "legend.fontsize": size - 0.5,
        "legend.frameon": False,
        "legend.handlelength": 2.6,
    }


def _watermark(figure: "Figure") -> None:
    figure.text(
        0.5,
        0.45,
        MARK,
        rotation=24,
        ha="center",
        va="center",
        color="#888888",
        alpha=0.22,
        fontweight="bold",
        fontsize=float(figure.get_figwidth()) * 6.4,
        zorder=10,
    )


def _png(figure: "Figure", small: bool) -> bytes:
    """Palette PNG without metadata; the small size drops colours until it fits its limit."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    sheet = FigureCanvasAgg(figure)
    sheet.draw()
    image = Image.fromarray(np.asarray(sheet.buffer_rgba())).convert("RGB")
    data = b""
    for colors in (64, 48, 32, 24, 16, 8) if small else (128,):
        palette = image.quantize(colors, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
        out = io.BytesIO()
        palette.save(out, format="png", optimize=True)
        data = out.getvalue()
        if len(data) <= SMALL_LIMIT_BYTES:
            break
    return data


def say_nothing_to_show(ax: "Axes", reason: str) -> None:
    """Show the reason in place of the plot."""
    ax.set_axis_off()
    ax.text(0.5, 0.5, reason, ha="center", va="center", color=FAINT, transform=ax.transAxes)
