"""Plot of the features that the boosted heads use, fold by fold.

Belongs here: drawing table ``importances``. Does not belong here: its shares
(:mod:`step3_assets.domain.models.importance`).
"""

from typing import TYPE_CHECKING

import pandas as pd

from step3_assets.domain.report.canvas import Layout, canvas, say_nothing_to_show
from step3_assets.domain.report.drift_figures import month_ticks
from step3_assets.domain.report.importance_tables import gain_by_month

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SHOWN_FEATURES = 17


def importance_figure(
    importances: pd.DataFrame, *, is_synthetic: bool, small: bool = False
) -> bytes:
    """Heat map of gain, features by folds, most used feature first, as PNG.

    Parameters
    ----------
    importances : DataFrame
        Table ``importances``.
    is_synthetic, small : bool
        See :func:`~step3_assets.domain.report.canvas.canvas`.
    """
    shares = gain_by_month(importances.astype({"gain_frac": "float64"}))
    order = shares.mean(axis=1).sort_values(ascending=False, kind="stable").index
    names = list(order[: 10 if small else SHOWN_FEATURES])
    height = 0.35 + (0.065 if small else 0.045) * max(len(names), 4)
    title = "What the models look at"
    with canvas(title, Layout(height=height), is_synthetic=is_synthetic, small=small) as sheet:
        if shares.empty:
            say_nothing_to_show(sheet.axes[0], "No fold has a model")
        else:
            _draw(sheet.axes[0], shares.loc[names], small)
    return sheet.png


def _draw(ax: "Axes", shares: pd.DataFrame, small: bool) -> None:
    from matplotlib.colors import PowerNorm

    periods = pd.PeriodIndex([f"{m:%Y-%m}" for m in shares.columns], freq="M")
    every = pd.period_range(periods.min(), periods.max(), freq="M")
    grid = shares.set_axis(periods, axis=1).reindex(columns=every)
    values = grid.to_numpy(dtype="float64")
    scale = PowerNorm(0.5, vmin=0.0)  # one feature may hold half of all gain
    image = ax.imshow(values, aspect="auto", cmap="Blues", norm=scale, interpolation="nearest")
    ax.set_yticks(range(len(grid)), list(grid.index))
    month_ticks(ax, every, 4 if small else 8)
    ax.grid(visible=False)
    ax.tick_params(length=0)
    ax.set_title("share of gain, mean of both heads")
    bar = ax.figure.colorbar(image, ax=ax, fraction=0.03, pad=0.01, format=_percent)
    bar.outline.set_visible(False)


def _percent(value: float, _position: int) -> str:
    return f"{value * 100:.0f}%"
