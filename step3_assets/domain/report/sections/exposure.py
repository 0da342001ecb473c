"""Section: how much of the account was invested, and in how many positions."""

import numpy as np
import pandas as pd

from step3_assets.domain.report import numbers as fmt
from step3_assets.domain.report.canvas import BLUE, GREEN, Layout, canvas, say_nothing_to_show
from step3_assets.domain.report.inputs import ReportInputs
from step3_assets.domain.report.section import Blocks, Figure, Section
from step3_assets.domain.report.series import PLATFORM
from step3_assets.domain.tear_sheet.trades import open_positions


def _held(inputs: ReportInputs) -> pd.DataFrame:
    """Exposure and number of open positions at each bar close."""
    equity = inputs.portfolio_equity
    marks = equity.loc[equity["series"] == PLATFORM].sort_values("bar_end_utc")
    stamps = pd.DatetimeIndex(marks["bar_end_utc"])
    trades = inputs.portfolio_trades
    positions = open_positions(trades.loc[trades["series"] == PLATFORM], stamps)
    exposure = marks["gross_exposure_frac"].to_numpy(dtype="float64")
    return pd.DataFrame({"exposure": exposure, "positions": positions}, index=stamps)


def _draw(inputs: ReportInputs, small: bool) -> bytes:
    held = _held(inputs)
    with canvas(
        "Exposure and open positions",
        Layout(panels=2, height=0.62, share_x=True),
        is_synthetic=inputs.is_synthetic,
        small=small,
    ) as sheet:
        if held.empty:
            for ax in sheet.axes:
                say_nothing_to_show(ax, "No equity in these months")
        else:
            weekly = held.set_axis(pd.DatetimeIndex(held.index).tz_localize(None)).resample("W")
            for ax, column, color in zip(
                sheet.axes, ("exposure", "positions"), (BLUE, GREEN), strict=True
            ):
                means = weekly[column].mean()
                ax.fill_between(means.index, means, color=color, linewidth=0)
                ax.set_ylim(0, None)
            sheet.axes[0].set_ylabel("exposure")
            sheet.axes[0].yaxis.set_major_formatter(lambda v, _: f"{v * 100:.3g}%")
            sheet.axes[1].set_ylabel("open positions")
            sheet.axes[0].set_title("weekly means of bar closes")
    return sheet.png


EXPOSURE = Figure("exposure.png", "Exposure and number of open positions by week", _draw)


def _write(inputs: ReportInputs) -> Blocks:
    held = _held(inputs)
    if held.empty:
        yield "The platform has no equity to show."
        return
    invested = float((held["positions"] > 0).mean())
    most = int(np.max(held["positions"])) if len(held) else 0
    yield (
        f"The account held a position at {fmt.share(invested)} of bar closes, at most "
        f"{fmt.plural(most, 'position')} at once and {fmt.share(held['exposure'].max())} of equity."
    )
    yield EXPOSURE.markdown()


SECTION = Section(
    title="Exposure",
    order=86,
    question="How much of the account was at work?",
    write=_write,
    tables=("portfolio_equity", "portfolio_trades"),
    figures=(EXPOSURE,),
)
