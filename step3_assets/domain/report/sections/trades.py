"""Section: what a trade earns and loses."""

import pandas as pd

from step3_assets.domain.report import numbers as fmt
from step3_assets.domain.report.inputs import ReportInputs, as_float
from step3_assets.domain.report.section import Blocks, Section
from step3_assets.domain.report.series import MOCK, PLATFORM, series_name
from step3_assets.domain.report.text_table import TextTable, escape, text_table
from step3_assets.domain.tear_sheet.trades import excursions, trade_summary

N_EXTREME = 5
ROWS = (
    ("Trades", "n_trades", fmt.count),
    ("Winners", "n_won", fmt.count),
    ("Profit factor", "profit_factor", fmt.ratio),
    ("Expectancy a trade", "expectancy_usd", fmt.cents),
    ("Net per trade", "expectancy_bps", fmt.bps),
    ("Mean win", "mean_win_usd", fmt.cents),
    ("Mean loss", "mean_loss_usd", fmt.cents),
    ("Payoff (mean win over mean loss)", "payoff", fmt.ratio),
    ("Longest winning streak", "longest_win_streak", fmt.count),
    ("Longest losing streak", "longest_loss_streak", fmt.count),
    ("Mean holding time", "mean_hours", fmt.hours),
    ("Median holding time", "median_hours", fmt.hours),
)


def _write(inputs: ReportInputs) -> Blocks:
    ledger = inputs.portfolio_trades
    trades = {s: ledger.loc[ledger["series"] == s] for s in (PLATFORM, MOCK)}
    trades = {s: part for s, part in trades.items() if len(part)}
    if PLATFORM not in trades:
        yield "The platform made no trade."
        return
    found = {s: trade_summary(part) for s, part in trades.items()}
    moved = {s: excursions(part, inputs.bars) for s, part in trades.items()}
    platform = found[PLATFORM]
    yield (
        f"{fmt.plural(platform.n_trades, 'trade')} earned {fmt.cents(platform.expectancy_usd)} "
        f"each on average; gains were {fmt.ratio(platform.profit_factor)} times the losses."
    )
    rows = [
        (label, *(write(getattr(one, field)) for one in found.values()))
        for label, field, write in ROWS
    ]
    for label, column in (("Mean adverse", "mae_bps"), ("Mean favourable", "mfe_bps")):
        means = (as_float(frame[column]) for frame in moved.values())
        cells = (fmt.bps(pd.Series(values).mean()) for values in means)
        rows.append((f"{label} excursion while open", *cells))
    header = ("Trades of", *(escape(series_name(s)) for s in found))
    yield text_table(header, rows, "l" + "r" * len(found)).markdown()
    yield f"The {N_EXTREME} best and the {N_EXTREME} worst trades, by profit:"
    yield _extremes(trades[PLATFORM], inputs.events_outcomes).markdown()
    yield (
        "Profit is after costs, in the account's dollars. An excursion is the largest move against "
        "(MAE) or for (MFE) the position at bar lows and highs, over the entry price."
    )


def _extremes(trades: pd.DataFrame, outcomes: pd.DataFrame) -> TextTable:
    key = ["symbol", "decision_time_utc"]
    joined = trades.merge(outcomes[[*key, "exit_reason"]], on=key, how="left")
    ordered = joined.sort_values(["pnl_usd", *key], ascending=[False, True, True])
    shown = pd.concat([ordered.head(N_EXTREME), ordered.iloc[N_EXTREME:].tail(N_EXTREME)])
    rows = [
        (
            escape(str(row["symbol"])),
            f"{row['entry_time_utc']:%Y-%m-%d %H:%M}",
            f"{row['exit_time_utc']:%Y-%m-%d %H:%M}",
            escape(str(row["exit_reason"])),
            fmt.bps(row["net_bps"]),
            fmt.cents(row["pnl_usd"]),
        )
        for row in shown.to_dict("records")
    ]
    header = ("Trade in", "Entry (UTC)", "Exit (UTC)", "Exit reason", "Net", "Profit")
    return text_table(header, rows, "llllrr")


SECTION = Section(
    title="Trades",
    order=84,
    question="What does a trade earn, lose, and how long does it last?",
    write=_write,
    tables=("portfolio_trades", "events", "bar_features"),
)
