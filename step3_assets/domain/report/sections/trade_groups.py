"""Section: which trades earned: by exit, family, hour, overnight, symbol and year."""

import pandas as pd

from step3_assets.domain.core.instants import NY
from step3_assets.domain.report import numbers as fmt
from step3_assets.domain.report.inputs import ReportInputs
from step3_assets.domain.report.section import Blocks, Section
from step3_assets.domain.report.series import PLATFORM
from step3_assets.domain.report.text_table import TextTable, escape, text_table
from step3_assets.domain.tear_sheet.trades import grouped

KEY = ["symbol", "decision_time_utc"]


def _write(inputs: ReportInputs) -> Blocks:
    ledger = inputs.portfolio_trades
    trades = ledger.loc[ledger["series"] == PLATFORM]
    if trades.empty:
        yield "The platform made no trade."
        return
    tables = {name: grouped(trades, by) for name, by in _groups(trades, inputs).items()}
    name, group = _largest_loss(tables)
    if name:
        worst = tables[name].to_dict("index")[group]
        yield (
            f"Of these groups the one that lost most is {escape(name.lower())} "
            f"*{escape(str(group))}*: {fmt.usd(worst['pnl_usd'])} in "
            f"{fmt.plural(int(worst['n_trades']), 'trade')}."
        )
    else:
        yield "No group below lost money."
    for name, frame in tables.items():
        yield _table(name, frame).markdown()
    yield (
        "The groups were not chosen in advance and a small one says little: with many groups, some "
        "look good or bad by chance."
    )


def _groups(trades: pd.DataFrame, inputs: ReportInputs) -> dict[str, pd.Series]:
    columns = ["exit_reason", "family", "entry_overnight"]
    joined = trades[KEY].merge(inputs.events_outcomes[[*KEY, *columns]], on=KEY, how="left")
    joined.index = trades.index
    entry = pd.DatetimeIndex(trades["entry_time_utc"]).tz_convert(NY)
    hours = pd.Series(entry.hour, index=trades.index).map("{:02d} h".format)
    is_over = joined["entry_overnight"].astype("boolean").map({True: "yes", False: "no"})
    return {
        "Exit reason": joined["exit_reason"].astype(str),
        "Family": joined["family"].astype(str),
        "Hour of entry, New York": hours,
        "Overnight entry": is_over.astype(str),
        "Symbol of the trade": trades["symbol"].astype(str),
        "Year of the decision": pd.to_datetime(trades["month"]).dt.year.astype(str),
    }


def _largest_loss(tables: dict[str, pd.DataFrame]) -> tuple[str, str]:
    losses = [
        (float(row["pnl_usd"]), name, str(group))
        for name, frame in tables.items()
        for group, row in frame.iterrows()
        if row["pnl_usd"] < 0
    ]
    return min(losses)[1:] if losses else ("", "")


def _table(name: str, frame: pd.DataFrame) -> TextTable:
    rows = [
        (
            escape(str(group)),
            fmt.count(row["n_trades"]),
            fmt.share(row["hit_rate"]),
            fmt.bps(row["net_bps_mean"]),
            fmt.usd(row["pnl_usd"]),
            fmt.ratio(row["profit_factor"]),
        )
        for group, row in frame.iterrows()
    ]
    header = (name, "Trades", "Hit rate", "Net per trade", "P&L", "Profit factor")
    return text_table(header, rows, "lrrrrr")


SECTION = Section(
    title="Where trades earn",
    order=85,
    question="Which exits, families, hours, symbols and years earned or lost?",
    write=_write,
    tables=("portfolio_trades", "events"),
)
