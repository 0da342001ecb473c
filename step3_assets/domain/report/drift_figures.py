"""Plots of monitoring: features that shifted, probabilities and expected values through time.

Belongs here: drawing table ``drift``. Does not belong here: the metrics
(:mod:`step3_assets.domain.monitoring`).
"""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from step3_assets.domain.monitoring.metrics import drift_metrics
from step3_assets.domain.report.canvas import (
    BLUE,
    FAINT,
    INK,
    VERMILLION,
    Layout,
    canvas,
    say_nothing_to_show,
)
from step3_assets.domain.report.inputs import as_float, months_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SHOWN_FEATURES = 17
CEILING = 1.0
_LOUD = ("warn", "error")


def psi_figure(drift: pd.DataFrame, *, is_synthetic: bool, small: bool = False) -> bytes:
    """Heat map of the stability index, months by features, with a cross at each warning, as PNG.

    Parameters
    ----------
    drift : DataFrame
        Table ``drift``. The features with the largest index on average are shown, worst first.
    is_synthetic, small : bool
        See :func:`~step3_assets.domain.report.canvas.canvas`.
    """
    rows = drift[(drift["metric"] == "psi") & drift["value"].notna()]
    worst = rows.groupby("feature")["value"].mean().sort_values(ascending=False, kind="stable")
    names = list(worst.index[: 10 if small else SHOWN_FEATURES])
    height = 0.35 + (0.065 if small else 0.045) * max(len(names), 4)
    with canvas(
        "Stability of features", Layout(height=height), is_synthetic=is_synthetic, small=small
    ) as sheet:
        ax = sheet.axes[0]
        if rows.empty:
            say_nothing_to_show(ax, "No month has enough candidates yet")
        else:
            _draw_heat(ax, rows, names, small)
    return sheet.png


def _draw_heat(ax: "Axes", rows: pd.DataFrame, names: list[str], small: bool) -> None:
    rows = rows.assign(period=months_of(rows))
    periods = pd.period_range(rows["period"].min(), rows["period"].max(), freq="M")
    grid = rows.pivot(index="feature", columns="period", values="value")
    grid = grid.reindex(index=names, columns=periods)
    image = ax.imshow(
        np.minimum(grid.to_numpy(dtype="float64"), CEILING),
        aspect="auto",
        cmap="YlOrBr",
        vmin=0.0,
        vmax=CEILING,
        interpolation="nearest",
    )
    loud = rows[rows["state"].isin(_LOUD) & rows["feature"].isin(names)]
    at = [list(periods).index(p) for p in loud["period"]]
    ax.scatter(
        at,
        [names.index(f) for f in loud["feature"]],
        marker="x",
        color=INK,
        s=10 if small else 22,
        linewidths=0.9,
    )
    ax.set_yticks(range(len(names)), names)
    month_ticks(ax, periods, 4 if small else 8)
    ax.grid(visible=False)
    ax.tick_params(length=0)
    ax.set_title("index of recent months against training, × warned")
    bar = ax.figure.colorbar(image, ax=ax, fraction=0.03, pad=0.01)
    bar.set_ticks([0, 0.25, 0.5, 0.75, 1.0], labels=["0", "0.25", "0.5", "0.75", "1+"])
    bar.outline.set_visible(False)


def outcomes_figure(drift: pd.DataFrame, *, is_synthetic: bool, small: bool = False) -> bytes:
    """Brier score, calibration error and EV slope through time, each with its limit, as PNG.

    Parameters
    ----------
    drift : DataFrame
        Table ``drift``.
    is_synthetic, small : bool
        See :func:`~step3_assets.domain.report.canvas.canvas`.
    """
    title = "Recent outcomes against training"
    plotted = {metric.name: metric.panel for metric in drift_metrics() if metric.panel}
    with canvas(
        title,
        Layout(panels=len(plotted), height=0.72, share_x=True),
        is_synthetic=is_synthetic,
        small=small,
    ) as sheet:
        periods = _periods(drift)
        for ax, (metric, name) in zip(sheet.axes, plotted.items(), strict=True):
            rows = drift[(drift["metric"] == metric) & drift["value"].notna()]
            ax.set_ylabel(name)
            if rows.empty:
                ax.set_title(f"{name}: no month has enough final labels yet")
                continue
            _draw_line(ax, rows, periods, metric)
        if len(periods):
            month_ticks(sheet.axes[-1], periods, 4 if small else 8)
    return sheet.png


def _periods(drift: pd.DataFrame) -> pd.PeriodIndex:
    months = months_of(drift)
    if months.empty:
        return pd.PeriodIndex([], freq="M")
    return pd.period_range(months.min(), months.max(), freq="M")


def _draw_line(ax: "Axes", rows: pd.DataFrame, periods: pd.PeriodIndex, metric: str) -> None:
    rows = rows.assign(period=months_of(rows)).set_index("period").reindex(periods)
    x = np.arange(len(periods))
    value, reference = as_float(rows["value"]), as_float(rows["reference"])
    ax.plot(x, value, color=BLUE, linewidth=1.6, label="recent")
    if metric == "ev_slope":
        lower, upper = as_float(rows["lower"]), as_float(rows["upper"])
        ax.fill_between(x, lower, upper, color=BLUE, alpha=0.18, linewidth=0, label="interval")
        ax.axhline(0, color=FAINT, linewidth=0.8)
        ax.plot(x, reference, color=INK, linewidth=0.9, linestyle="--", label="calibrated: 1")
    else:
        ax.plot(x, reference, color=INK, linewidth=1.0, linestyle="--", label="in training")
        ax.plot(
            x, as_float(rows["threshold"]), color=FAINT, linewidth=1.0, linestyle=":",
            label="warns above",
        )  # fmt: skip
    loud = rows["state"].isin(_LOUD).to_numpy()
    ax.scatter(x[loud], value[loud], color=VERMILLION, marker="x", zorder=5)
    if metric == "ece":
        ax.set_title("lines as above; × warned")
    else:
        ax.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=3, borderaxespad=0.2)


def month_ticks(ax: "Axes", periods: pd.PeriodIndex, at_most: int) -> None:
    """Label at most ``at_most`` months along the axis."""
    step = max(-(-len(periods) // at_most), 1)
    at = list(range(0, len(periods), step))
    ax.set_xticks(at, [str(periods[i]) for i in at])
