"""Section: Sharpe ratio, volatility and beta through time."""

import pandas as pd

from step3_assets.domain.report import numbers as fmt
from step3_assets.domain.report.canvas import (
    BLUE,
    FAINT,
    VERMILLION,
    Layout,
    canvas,
    say_nothing_to_show,
)
from step3_assets.domain.report.inputs import ReportInputs
from step3_assets.domain.report.returns import returns_by_series
from step3_assets.domain.report.section import Blocks, Figure, Section
from step3_assets.domain.report.series import BUY_AND_HOLD, PLATFORM, series_name
from step3_assets.domain.tear_sheet.returns import rolling

WINDOWS = {"6 months": 126, "12 months": 252}
COLORS = {"6 months": VERMILLION, "12 months": BLUE}
PANELS = {"sharpe": "Sharpe", "volatility": "volatility", "beta": "beta"}


def _rolled(inputs: ReportInputs) -> tuple[dict[str, pd.DataFrame], str]:
    """The measures of each window, and the name of the benchmark of beta."""
    returns = returns_by_series(inputs)
    platform = returns.get(PLATFORM, pd.Series(dtype="float64"))
    benchmark = next((name for name in sorted(returns) if name.startswith(BUY_AND_HOLD)), "")
    other = returns.get(benchmark)
    rolled = {name: rolling(platform, other, n) for name, n in WINDOWS.items()}
    return {k: v for k, v in rolled.items() if v["sharpe"].notna().any()}, benchmark


def _draw(inputs: ReportInputs, small: bool) -> bytes:
    rolled, benchmark = _rolled(inputs)
    with canvas(
        "Rolling measures of the platform",
        Layout(panels=len(PANELS), height=0.62, share_x=True),
        is_synthetic=inputs.is_synthetic,
        small=small,
    ) as sheet:
        for ax, (column, label) in zip(sheet.axes, PANELS.items(), strict=True):
            ax.set_ylabel(label)
            if not rolled:
                say_nothing_to_show(ax, "Fewer sessions than a window of 6 months")
                continue
            for name, frame in rolled.items():
                values = frame[column] * (100 if column == "volatility" else 1)
                ax.plot(frame.index, values, color=COLORS[name], linewidth=1.3, label=name)
            ax.axhline(0, color=FAINT, linewidth=0.7)
        if rolled:
            sheet.axes[1].yaxis.set_major_formatter(lambda v, _: f"{v:.3g}%")
            sheet.axes[2].set_title(f"beta to {series_name(benchmark)}")
            sheet.axes[0].legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=2)
    return sheet.png


ROLLING = Figure("rolling.png", "Rolling Sharpe ratio, volatility and beta", _draw)


def _write(inputs: ReportInputs) -> Blocks:
    rolled, _ = _rolled(inputs)
    if not rolled:
        yield "There are fewer sessions than a window of 6 months holds."
        return
    name = list(rolled)[-1]
    sharpe = rolled[name]["sharpe"].dropna()
    yield (
        f"Over windows of {name} the Sharpe ratio lay between {fmt.ratio(sharpe.min())} and "
        f"{fmt.ratio(sharpe.max())}; it was above 0 in {fmt.share(float((sharpe > 0).mean()))} "
        "of them."
    )
    yield ROLLING.markdown()
    yield "Trailing windows of 126 and 252 sessions; neighbouring windows share most of their days."


SECTION = Section(
    title="Rolling measures",
    order=76,
    question="Was the result steady, or earned in one stretch?",
    write=_write,
    tables=("portfolio_equity",),
    figures=(ROLLING,),
)
