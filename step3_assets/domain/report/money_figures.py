"""Plots of money: equity, drawdown, monthly profit and loss.

Belongs here: drawing tables ``portfolio_equity`` and ``portfolio_months``. Does not belong here:
computing returns, or plots of probabilities and decisions
(:mod:`~step3_assets.domain.report.score_figures`).
"""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from step3_assets.domain.report.canvas import FAINT, INK, Layout, canvas, say_nothing_to_show
from step3_assets.domain.report.inputs import as_float, months_of
from step3_assets.domain.report.series import (
    PLATFORM,
    PUBLISHED,
    STRESSED,
    line_styles,
    series_name,
    short_name,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def equity_figure(
    portfolio_equity: pd.DataFrame,
    portfolio_months: pd.DataFrame | None = None,
    *,
    is_synthetic: bool,
    small: bool = False,
) -> bytes:
    """Equity of every series over the same months, as PNG.

    Parameters
    ----------
    portfolio_equity : DataFrame
        Bar-level equity; the last mark of each day is drawn.
    portfolio_months : DataFrame, optional
        Month-end equity, drawn for a series that has no bar-level equity (the published
        baseline). Months are UTC calendar months.
    is_synthetic, small : bool
        See :func:`~step3_assets.domain.report.canvas.canvas`.
    """
    curves = daily_curves(portfolio_equity, "equity_usd", "last")
    if portfolio_months is not None:
        curves |= _month_ends(portfolio_months.loc[~portfolio_months["series"].isin(curves)])
    title = "Equity, out-of-sample months"
    with canvas(title, is_synthetic=is_synthetic, small=small) as sheet:
        ax = sheet.axes[0]
        _draw_curves(ax, curves, "No equity in these months")
        if curves:
            unit = 1000 if max(c.max() for c in curves.values()) >= 2000 else 1
            suffix = "k" if unit == 1000 else ""
            ax.yaxis.set_major_formatter(lambda v, _: f"${v / unit:,.4g}{suffix}")
    return sheet.png


def drawdown_figure(
    portfolio_equity: pd.DataFrame,
    *,
    max_drawdown_frac: float | None = None,
    is_synthetic: bool,
    small: bool = False,
) -> bytes:
    """Drawdown below the running peak, marked at every bar close, as PNG.

    Parameters
    ----------
    portfolio_equity : DataFrame
        The deepest mark of each day is drawn; the line under stressed costs is left out.
    max_drawdown_frac : float, optional
        Acceptance threshold, drawn as a line.
    is_synthetic, small : bool
        See :func:`~step3_assets.domain.report.canvas.canvas`.
    """
    shown = portfolio_equity.loc[~portfolio_equity["series"].str.startswith(STRESSED)]
    rows = shown.assign(drawdown_frac=-shown["drawdown_frac"].abs())
    curves = daily_curves(rows, "drawdown_frac", "min")
    title = "Drawdown below the running peak"
    with canvas(title, Layout(height=0.85), is_synthetic=is_synthetic, small=small) as sheet:
        ax = sheet.axes[0]
        _draw_curves(ax, curves, "No equity in these months")
        if curves:
            ax.yaxis.set_major_formatter(lambda v, _: f"{v * 100:,.3g}%")
            deepest = min(curve.min() for curve in curves.values())
            ax.set_ylim(1.06 * min(deepest, -(max_drawdown_frac or 0.01)), 0)
            if PLATFORM in curves:
                curve = curves[PLATFORM]
                ax.fill_between(curve.index, curve, 0, color="#0072B2", alpha=0.18, linewidth=0)
            if max_drawdown_frac is not None:
                _draw_limit(ax, max_drawdown_frac)
    return sheet.png


def monthly_pnl_figure(
    portfolio_months: pd.DataFrame,
    *,
    series: str = PLATFORM,
    is_synthetic: bool,
    small: bool = False,
) -> bytes:
    """Heat map of monthly returns, year by month, as PNG.

    Parameters
    ----------
    portfolio_months : DataFrame
        ``return_frac`` (change of equity over equity before the month) of every test month.
    series : str
    is_synthetic, small : bool
        See :func:`~step3_assets.domain.report.canvas.canvas`.

    Notes
    -----
    A month outside the test span stays blank; a test month without trades shows 0.0.
    """
    rows = portfolio_months.loc[portfolio_months["series"] == series]
    title = f"Monthly return in %, {series_name(series).lower()}"
    periods = months_of(rows)
    values = as_float(rows["return_frac"]) * 100
    years = list(range(periods.dt.year.min(), periods.dt.year.max() + 1)) if len(rows) else []
    n_rows = max(len(years), 1)
    height = (0.42 + 0.14 * n_rows) if small else (0.3 + 0.09 * n_rows)
    with canvas(title, Layout(height=height), is_synthetic=is_synthetic, small=small) as sheet:
        ax = sheet.axes[0]
        if not years or not np.isfinite(values).any():
            say_nothing_to_show(ax, "No months to show")
        else:
            cells = np.full((len(years), 12), np.nan)
            cells[periods.dt.year - years[0], periods.dt.month - 1] = values
            _draw_heat_map(ax, cells, years, small)
    return sheet.png


def daily_curves(equity: pd.DataFrame, column: str, how: str) -> dict[str, pd.Series]:
    """One point per UTC day and series, indexed by timestamps without zone."""
    curves = {}
    for series, rows in equity.groupby("series"):
        stamps = pd.DatetimeIndex(rows["bar_end_utc"]).tz_convert("UTC").tz_localize(None)
        points = pd.Series(as_float(rows[column]), index=stamps).sort_index()
        curves[str(series)] = points.groupby(pd.Grouper(freq="D")).agg(how).dropna()
    return curves


def _draw_limit(ax: "Axes", max_drawdown_frac: float) -> None:
    ax.axhline(-max_drawdown_frac, color=INK, linewidth=0.9, linestyle="--")
    ax.annotate(
        f"{max_drawdown_frac * 100:.3g}% limit",
        (1.0, -max_drawdown_frac),
        xycoords=("axes fraction", "data"),
        xytext=(0, 2),
        textcoords="offset points",
        ha="right",
        va="bottom",
    )


def _month_ends(months: pd.DataFrame) -> dict[str, pd.Series]:
    """Month-end equity of each series from its start, indexed by timestamps without zone."""
    curves = {}
    for series, rows in months.groupby("series"):
        rows = rows.assign(month=months_of(rows)).sort_values("month")
        periods, equity = pd.PeriodIndex(rows["month"]), as_float(rows["equity_usd"])
        before = equity[0] - as_float(rows["pnl_usd"])[0]
        stamps = periods[:1].to_timestamp().append(periods.to_timestamp(how="end"))
        curves[str(series)] = pd.Series([before, *equity], index=stamps)
    return curves


def _draw_curves(ax: "Axes", curves: dict[str, pd.Series], when_empty: str) -> None:
    if not curves:
        say_nothing_to_show(ax, when_empty)
        return
    looks = line_styles(curves)
    for rank, (series, look) in enumerate(looks.items()):
        curve = curves[series]
        ax.plot(
            curve.index.to_numpy(),
            curve.to_numpy(),
            color=look.color,
            linestyle=look.dashes,
            linewidth=look.width,
            marker="o" if len(curve) == 1 else None,
            label=short_name(series),
            zorder=4 - rank * 0.1,
        )
    _date_axis(ax)
    columns = 3 if len(curves) > 4 else max(len(curves), 1)
    ax.legend(
        loc="lower left",
        bbox_to_anchor=(0, 1.0),
        ncols=columns,
        borderaxespad=0.2,
        columnspacing=1.2,
    )
    if PUBLISHED in curves:
        ax.annotate(
            "* partly in-sample, month ends only",
            (0, -0.13),
            xycoords="axes fraction",
            ha="left",
            va="top",
            color=FAINT,
            fontsize="small",
        )


def _date_axis(ax: "Axes") -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    locator = AutoDateLocator(minticks=3, maxticks=7)
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    ax.margins(x=0.01)


def _draw_heat_map(ax: "Axes", cells: np.ndarray, years: list[int], small: bool) -> None:
    from matplotlib import colormaps
    from matplotlib.colors import Normalize

    known = np.abs(cells[np.isfinite(cells)])
    limit = max(float(np.quantile(known, 0.95)), 0.1)
    colors, scale = colormaps["RdBu"], Normalize(-limit, limit)
    ax.imshow(np.ma.masked_invalid(cells), cmap=colors, norm=scale, aspect="auto")
    for (row, column), value in np.ndenumerate(cells):
        if np.isfinite(value):
            red, green, blue, _ = colors(scale(value))
            is_dark = 0.299 * red + 0.587 * green + 0.114 * blue < 0.5
            text = f"{value:.1f}".replace("-0.0", "0.0")
            size = 6.3 if small else 8.5
            color = "white" if is_dark else INK
            ax.text(column, row, text, ha="center", va="center", fontsize=size, color=color)
    names = ["Jan", "Feb", "Mar", "Apr", "May", "Jun"]
    names += ["Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    ax.set_xticks(range(12), [n[0] for n in names] if small else names)
    ax.set_yticks(range(len(years)), [str(y) for y in years])
    ax.tick_params(length=0)
    ax.grid(visible=False)
    for spine in ax.spines.values():
        spine.set_visible(False)
