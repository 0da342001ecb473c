"""Plots of scores and decisions: reliability, EV calibration, gate funnel, dropped rows.

Belongs here: drawing the metrics of :mod:`~step3_assets.domain.report.reliability`,
:mod:`~step3_assets.domain.report.ev_calibration` and :mod:`~step3_assets.domain.report.funnel`.
Does not belong here: computing the metrics, or plots of money.
"""

from textwrap import wrap
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from step3_assets.domain.report.canvas import (
    BLUE,
    FAINT,
    GREEN,
    INK,
    ORANGE,
    VERMILLION,
    Layout,
    canvas,
    say_nothing_to_show,
)
from step3_assets.domain.report.ev_calibration import ev_deciles
from step3_assets.domain.report.funnel import FunnelStep, gate_funnel
from step3_assets.domain.report.inputs import as_float, months_of, score_outcomes
from step3_assets.domain.report.reliability import (
    STAGES,
    equal_count_bins,
    pooled_bins,
    wilson_interval,
)
from step3_assets.domain.report.series import PLATFORM
from step3_assets.domain.statistics.ev_slope import EvSlope, ev_slope

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MIN_BIN_ROWS = 50
MIN_SHOWN_ROWS = 20
_STAGE_LOOK = {"raw": (VERMILLION, "s"), "calibrated": (BLUE, "o")}
_STAGE_COLUMN = {"raw": "p_raw", "calibrated": "p_calibrated"}
_DROPS = (
    ("n_purged", "purged", VERMILLION),
    ("n_embargoed", "embargoed", ORANGE),
    ("n_not_final", "not final", FAINT),
)
_TRAINS = (("n_fit", "fit", BLUE), ("n_calibration", "calibration", GREEN))


def reliability_figure(
    reliability_bins: pd.DataFrame,
    scores: pd.DataFrame | None = None,
    events_outcomes: pd.DataFrame | None = None,
    *,
    n_bins: int = 10,
    is_synthetic: bool,
    small: bool = False,
) -> bytes:
    """Reliability before and after calibration, inner out-of-fold and in the test months, as PNG.

    Parameters
    ----------
    reliability_bins : DataFrame
        Inner out-of-fold bins (equal width), pooled here over folds by their rows.
    scores, events_outcomes : DataFrame, optional
        Test events and their outcomes; only final labels count. If they are missing, there is one
        panel.
    n_bins : int
        Bins of equal count for the test months, fewer when one would hold under 50 rows.
    is_synthetic, small : bool
        See :func:`~step3_assets.domain.report.canvas.canvas`.

    Notes
    -----
    Bins under 20 rows are left out. Bars are 95 % Wilson intervals that treat rows as
    independent; labels overlap, so the true intervals are wider.
    """
    panels = {
        "Inner out-of-fold": {stage: pooled_bins(reliability_bins, stage) for stage in STAGES}
    }
    if scores is not None and events_outcomes is not None:
        panels["Test months"] = _test_bins(score_outcomes(scores, events_outcomes), n_bins)
    title = "Reliability before and after calibration"
    with canvas(
        title, Layout(panels=len(panels), beside=True), is_synthetic=is_synthetic, small=small
    ) as sheet:
        for ax, (name, bins) in zip(sheet.axes, panels.items(), strict=True):
            _draw_reliability(ax, bins, name)
        handles, labels = sheet.axes[0].get_legend_handles_labels()
        if handles:
            sheet.figure.legend(handles, labels, loc="outside lower center", ncols=3)
    return sheet.png


def _test_bins(joined: pd.DataFrame, n_bins: int) -> dict[str, pd.DataFrame]:
    y, bins = joined["y"].to_numpy(), {}
    for stage in STAGES:
        p = joined[_STAGE_COLUMN[stage]].to_numpy()
        known = np.isfinite(p) & np.isfinite(y)
        few = max(int(known.sum()) // MIN_BIN_ROWS, 1)
        bins[stage] = equal_count_bins(p[known], y[known], min(n_bins, few))
    return bins


def _draw_reliability(ax: "Axes", bins: dict[str, pd.DataFrame], title: str) -> None:
    shown = {stage: rows.loc[rows["n_rows"] >= MIN_SHOWN_ROWS] for stage, rows in bins.items()}
    points = pd.concat(list(shown.values()))
    if points.empty:
        ax.set_title(title)
        say_nothing_to_show(ax, "Too few probabilities with a final label")
        return
    ax.set_title(f"{title} ({max(int(rows['n_rows'].sum()) for rows in bins.values()):,} rows)")
    for stage, rows in shown.items():
        n, share = as_float(rows["n_rows"]), rows["y_mean"].to_numpy()
        lo, hi = wilson_interval(n * share, n)
        color, marker = _STAGE_LOOK[stage]
        ax.errorbar(
            rows["p_mean"].to_numpy(),
            share,
            yerr=np.clip([share - lo, hi - share], 0, None),
            color=color,
            marker=marker,
            markersize=4,
            linewidth=1.0,
            elinewidth=0.8,
            label=stage,
        )
    low = max(min(points["p_mean"].min(), points["y_mean"].min()) - 0.06, 0.0)
    high = min(max(points["p_mean"].max(), points["y_mean"].max()) + 0.06, 1.0)
    ax.plot(
        [low, high], [low, high], color=INK, linewidth=0.9, linestyle="--", label="as predicted"
    )
    ax.set_xlim(low, high)
    ax.set_ylim(low, high)
    ax.set_xlabel("predicted probability of a net gain")
    ax.set_ylabel("share that gained")
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(lambda v, _: f"{v * 100:.3g}%")


def ev_calibration_figure(
    scores: pd.DataFrame,
    events_outcomes: pd.DataFrame,
    *,
    level: float,
    is_synthetic: bool,
    small: bool = False,
) -> bytes:
    """Realised net bps by tenth of ``ev_final`` over the test months, with the slope, as PNG.

    Parameters
    ----------
    scores, events_outcomes : DataFrame
        Test events and their outcomes; only final labels count.
    level : float
        Of the intervals, those of the table and of the statistics.
    is_synthetic, small : bool
        See :func:`~step3_assets.domain.report.canvas.canvas`.
    """
    joined = score_outcomes(scores, events_outcomes)
    title = "Expected against realised net"
    with canvas(title, is_synthetic=is_synthetic, small=small) as sheet:
        _draw_ev_calibration(
            sheet.axes[0], ev_deciles(joined, level=level), ev_slope(joined, level), small
        )
    return sheet.png


def _draw_ev_calibration(ax: "Axes", deciles: pd.DataFrame, slope: EvSlope, small: bool) -> None:
    if deciles.empty:
        say_nothing_to_show(ax, "No expected values with a final label")
        return
    ev, mean = deciles["ev_bps"].to_numpy(), deciles["net_bps"].to_numpy()
    ax.errorbar(
        ev,
        mean,
        yerr=np.nan_to_num(deciles["hi_bps"].to_numpy() - mean),
        color=BLUE,
        marker="o",
        markersize=5,
        linestyle="none",
        elinewidth=1.0,
        capsize=2,
        label=f"tenth of events, {slope.level:.0%} interval",
    )
    pad = max(float(np.ptp(ev)) * 0.05, 0.5)
    span = np.array([ev.min() - pad, ev.max() + pad])
    ax.plot(span, span, color=INK, linestyle="--", linewidth=0.9, label="calibrated: slope 1")
    if np.isfinite(slope.slope):
        weights = deciles["n_rows"].to_numpy()
        middle, level = np.average(ev, weights=weights), np.average(mean, weights=weights)
        label = f"fitted: slope {slope.slope:.2f} ({slope.lo:.2f} to {slope.hi:.2f})"
        line = level + slope.slope * (span - middle)
        ax.plot(span, line, color=VERMILLION, linewidth=1.4, label=label)
    ax.axhline(0, color=FAINT, linewidth=0.6)
    ax.set_xlabel("mean expected net, bps")
    ax.set_ylabel("mean realised net, bps")
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=1 if small else 3)


def gate_funnel_figure(
    scores: pd.DataFrame,
    portfolio_decisions: pd.DataFrame,
    *,
    series: str = PLATFORM,
    is_synthetic: bool,
    small: bool = False,
) -> bytes:
    """Candidates, losses with their reasons, trades, as PNG.

    Parameters
    ----------
    scores : DataFrame
        ``scores``, or ``mock_baseline`` together with that ``series``.
    portfolio_decisions : DataFrame
    series : str
    is_synthetic, small : bool
        See :func:`~step3_assets.domain.report.canvas.canvas`.
    """
    steps = gate_funnel(scores, portfolio_decisions, series)
    height = 0.35 + (0.1 if small else 0.07) * len(steps)
    title = "From candidate to trade"
    with canvas(title, Layout(height=height), is_synthetic=is_synthetic, small=small) as sheet:
        ax = sheet.axes[0]
        total = steps[0].n_events
        if not total:
            say_nothing_to_show(ax, "No candidates in these months")
        else:
            _draw_funnel(ax, steps, total, small)
    return sheet.png


def _draw_funnel(ax: "Axes", steps: list[FunnelStep], total: int, small: bool) -> None:
    rows = range(len(steps))
    sizes = [step.n_events for step in steps]
    ax.barh(rows, sizes, color=[ORANGE if s.is_loss else BLUE for s in steps], height=0.72)
    for row, step in zip(rows, steps, strict=True):
        text = f"{step.n_events:,} ({step.n_events / total * 100:.1f}%)"
        ax.annotate(
            text, (step.n_events, row), xytext=(4, 0), textcoords="offset points", va="center"
        )
    names = ["\n".join(wrap(s.label, 22 if small else 40)) for s in steps]
    ax.set_yticks(rows, names)
    for label, step in zip(ax.get_yticklabels(), steps, strict=True):
        label.set_fontweight("normal" if step.is_loss else "bold")
    ax.set_xlim(0, total * (1.7 if small else 1.28))
    ax.set_xticks([])
    ax.grid(visible=False)
    ax.tick_params(length=0)
    ax.spines["bottom"].set_visible(False)
    ax.invert_yaxis()


def drop_reasons_figure(folds: pd.DataFrame, *, is_synthetic: bool, small: bool = False) -> bytes:
    """Rows that trained each fold and rows it dropped, by reason, over all symbols, as PNG.

    Parameters
    ----------
    folds : DataFrame
        Table ``folds``. Rows outside the window are not drawn: they are most of the delivery.
    is_synthetic, small : bool
        See :func:`~step3_assets.domain.report.canvas.canvas`.
    """
    names = [name for name, _, _ in (*_TRAINS, *_DROPS)]
    by_month = folds[names].astype("float64").groupby(months_of(folds)).sum()
    title = "Training rows of each fold, and rows dropped"
    with canvas(
        title, Layout(panels=2, ratios=(3, 2), share_x=True), is_synthetic=is_synthetic, small=small
    ) as sheet:
        if by_month.empty:
            for ax in sheet.axes:
                say_nothing_to_show(ax, "No folds")
        else:
            _draw_stack(sheet.axes[0], by_month, _TRAINS, "rows that train")
            _draw_stack(sheet.axes[1], by_month, _DROPS, "rows dropped")
            _month_ticks(sheet.axes[1], by_month.index, 4 if small else 8)
    return sheet.png


def _draw_stack(
    ax: "Axes", by_month: pd.DataFrame, parts: tuple[tuple[str, str, str], ...], title: str
) -> None:
    rows, bottom = np.arange(len(by_month)), np.zeros(len(by_month))
    for name, label, color in parts:
        values = by_month[name].to_numpy()
        ax.bar(rows, values, bottom=bottom, color=color, width=0.9, label=label)
        bottom += values
    ax.set_ylabel(title)
    ax.yaxis.set_major_formatter(lambda v, _: f"{v:,.4g}" if v < 1000 else f"{v:,.0f}")
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=3, borderaxespad=0.2)


def _month_ticks(ax: "Axes", months: pd.Index, at_most: int) -> None:
    step = max(-(-len(months) // at_most), 1)
    at = range(0, len(months), step)
    ax.set_xticks(list(at), [str(months[i]) for i in at])
