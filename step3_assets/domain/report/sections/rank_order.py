"""Section: whether scores rank the candidates, for how long, and how fast scores change."""

import numpy as np
import pandas as pd

from step3_assets.domain.report import numbers as fmt
from step3_assets.domain.report.canvas import BLUE, FAINT, Layout, canvas, say_nothing_to_show
from step3_assets.domain.report.ev_calibration import ev_deciles
from step3_assets.domain.report.inputs import ReportInputs, score_outcomes
from step3_assets.domain.report.section import Blocks, Figure, Section
from step3_assets.domain.report.text_table import escape, text_table
from step3_assets.domain.tear_sheet.signal import (
    HORIZONS,
    decile_turnover,
    forward_returns,
    monotonicity,
    monthly_rank_ic,
    rank_ic,
)

SCORES = {
    "ev_final": "Expected value (ev_final)",
    "ev_ml": "Predicted net return (ev_ml)",
    "p_calibrated": "Calibrated probability",
}


def _decay(inputs: ReportInputs) -> pd.Series:
    """Rank correlation of ``ev_final`` with the return so many bars ahead."""
    rows = inputs.scores.reset_index(drop=True)
    ahead = forward_returns(rows, inputs.bars)
    found = {horizon: rank_ic(rows["ev_final"], ahead[horizon]) for horizon in HORIZONS}
    return pd.Series(found, dtype="float64")


def _draw(inputs: ReportInputs, small: bool) -> bytes:
    joined = score_outcomes(inputs.scores, inputs.events_outcomes)
    ics = monthly_rank_ic(joined, "ev_final", "net_logret")
    decay = _decay(inputs).dropna()
    with canvas(
        "Rank correlation of expected value and outcome",
        Layout(panels=2, beside=True, height=0.8),
        is_synthetic=inputs.is_synthetic,
        small=small,
    ) as sheet:
        left, right = sheet.axes
        if ics.empty:
            say_nothing_to_show(left, "No month with 20 final labels")
        else:
            left.bar(np.arange(len(ics)), ics.to_numpy(), color=BLUE)
            step = max(len(ics) // 4, 1)
            labels = [fmt.month_text(month) for month in ics.index]
            left.set_xticks(range(0, len(ics), step), labels[::step])
            left.axhline(0, color=FAINT, linewidth=0.8)
            left.set_title("with net return, by test month")
        if decay.empty:
            say_nothing_to_show(right, "No bars after the decisions")
        else:
            at = [str(horizon) for horizon in decay.index]
            right.plot(at, decay.to_numpy(), color=BLUE, marker="o")
            right.axhline(0, color=FAINT, linewidth=0.8)
            right.set_title("with the return after so many bars")
    return sheet.png


RANKS = Figure("rank_order.png", "Rank correlation by month and by bars ahead", _draw)


def _write(inputs: ReportInputs) -> Blocks:
    joined = score_outcomes(inputs.scores, inputs.events_outcomes)
    ics = {name: monthly_rank_ic(joined, name, "net_logret") for name in SCORES}
    final = ics["ev_final"]
    if len(final) < 2:
        yield "Fewer than two test months have 20 final labels, so ranks cannot be compared."
        return
    mean, error = float(final.mean()), float(final.std(ddof=1)) / len(final) ** 0.5
    yield (
        f"Within a test month the rank correlation (rank IC) of expected value and net return is "
        f"{fmt.fine_ratio(mean)} on average, {fmt.ratio(mean / error)} standard errors from 0; it "
        f"was above 0 in {fmt.count(int((final > 0).sum()))} of {fmt.plural(len(final), 'month')}."
    )
    yield RANKS.markdown()
    rows = [_row(name, label, ics[name], joined) for name, label in SCORES.items()]
    header = ("Score", "Mean rank IC", "IC over its deviation", "Months", "Turnover of tenths")
    yield text_table(header, rows, "lrrrr").markdown()
    deciles = ev_deciles(joined, level=inputs.config.statistics.level)
    decay = _decay(inputs)
    ahead = ", ".join(f"{fmt.fine_ratio(decay[h])} after {h}" for h in HORIZONS)
    yield (
        f"Means of the tenths of ev\\_final rise with their number to a rank correlation of "
        f"{fmt.ratio(monotonicity(deciles['net_bps']))} (1: each tenth earns more than the one "
        f"below). Rank correlation of ev\\_final with the return so many bars ahead: {ahead}."
    )
    yield (
        "Months count equally and their errors are taken as independent. Turnover of tenths is the "
        "share of candidates in another tenth than the symbol's candidate before; 90% is chance."
    )


def _row(name: str, label: str, ics: pd.Series, joined: pd.DataFrame) -> tuple[str, ...]:
    spread = float(ics.std(ddof=1)) if len(ics) > 1 else float("nan")
    return (
        escape(label),
        fmt.fine_ratio(float(ics.mean()) if len(ics) else None),
        fmt.ratio(float(ics.mean()) / spread if spread else None),
        fmt.count(len(ics)),
        fmt.share(decile_turnover(joined, name)),
    )


SECTION = Section(
    title="Rank order of scores",
    order=112,
    question="Do scores rank the candidates, and for how long?",
    write=_write,
    tables=("scores", "events", "bar_features"),
    figures=(RANKS,),
)
