"""Tables of money: criteria, the comparison of series, symbols, years, months.

Belongs here: laying out ``acceptance`` and the ``portfolio_*`` tables. Does not belong here: tables
of probabilities and folds (:mod:`~step3_assets.domain.report.score_tables`).
"""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from step3_assets.domain.acceptance.criteria import CRITERIA
from step3_assets.domain.report import numbers as fmt
from step3_assets.domain.report.inputs import ReportInputs, as_float, months_of
from step3_assets.domain.report.series import (
    BUY_AND_HOLD,
    MOCK,
    PLATFORM,
    PUBLISHED,
    STRESSED,
    in_order,
    series_name,
)
from step3_assets.domain.report.text_table import TextTable, escape, text_table

_METRICS: tuple[tuple[str, str, fmt.Formatter], ...] = (
    ("End equity", "end_equity_usd", fmt.usd),
    ("CAGR", "cagr", fmt.percent),
    ("Max drawdown", "max_drawdown_frac", fmt.percent),
    ("Calmar", "calmar", fmt.ratio),
    ("Calmar, month ends only", "calmar_monthly", fmt.ratio),
    ("Sharpe", "sharpe", fmt.ratio),
    ("Sortino", "sortino", fmt.ratio),
    ("Worst month", "worst_month_frac", fmt.percent),
    ("Trades", "n_trades", fmt.count),
    ("Trades a month", "trades_per_month", fmt.ratio),
    ("Net per trade", "net_bps_mean", fmt.bps),
    ("Hit rate", "hit_rate", fmt.share),
    ("Turnover a year", "turnover_per_year", fmt.ratio),
    ("Mean exposure", "exposure_frac", fmt.share),
)
EXPECTED_SERIES = (PLATFORM, MOCK, PUBLISHED)
PROSE_HEADER = "In plain words"
SIGNS = {">=": "≥", "<=": "≤", "==": "="}


def criteria_table(acceptance: pd.DataFrame) -> TextTable:
    """Each criterion with value, threshold, result and sentence, in the order of the page."""
    rows = []
    for row in acceptance.sort_values("position").to_dict("records"):
        label, write = _label_and_format(str(row["criterion"]))
        threshold = write(row["threshold"])
        if threshold != fmt.NOT_AVAILABLE:
            comparison = str(row["comparison"])
            threshold = f"{SIGNS.get(comparison, escape(comparison))} {threshold}"
        is_passed = row["is_passed"] is not None and bool(row["is_passed"])
        rows.append(
            (
                escape(label),
                "PASS" if is_passed else "FAIL",
                _value_cell(write(row["value"]), str(row["evidence"])),
                threshold,
                escape(str(row["evidence"])),
            )
        )
    return text_table(("Criterion", "Result", "Value", "Threshold", PROSE_HEADER), rows, "llrrl")


def _label_and_format(criterion: str) -> tuple[str, fmt.Formatter]:
    """Label and number format of a criterion; name and three digits for an unknown one."""
    record = CRITERIA.get(criterion)
    if record is None:
        return criterion.replace("_", " ").capitalize(), fmt.fine_ratio
    return record.label, getattr(fmt, record.number)


def _value_cell(value: str, evidence: str) -> str:
    """The value; a criterion that does not apply has none, which is not 0."""
    return fmt.DOES_NOT_APPLY if evidence.startswith("Does not apply") else value


def all_series(inputs: ReportInputs) -> list[str]:
    """Series of the summary: the computed ones, and those that a reader expects."""
    hold = {f"{BUY_AND_HOLD}{symbol}" for symbol in inputs.symbols}
    return in_order({*inputs.portfolio["series"], *EXPECTED_SERIES, *hold})


def portfolio_table(inputs: ReportInputs) -> TextTable:
    """Metrics in rows, series in columns; a series that was not computed is 'not available'."""
    by_series = inputs.portfolio.set_index("series").to_dict("index")
    series = all_series(inputs)
    rows = [
        (name, *(write(by_series.get(s, {}).get(column)) for s in series))
        for name, column, write in _METRICS
    ]
    header = ("", *(escape(series_name(s)) for s in series))
    return text_table(header, rows, "l" + "r" * len(series))


HEADLINES = ("End equity", "CAGR", "Max drawdown", "Calmar", "Sharpe", "Trades a month")


def headline_table(inputs: ReportInputs) -> TextTable:
    """The metrics that open the page: the platform, the mock baseline and buy-and-hold."""
    table = portfolio_table(inputs).compact()
    shown = {escape(series_name(s)) for s in all_series(inputs) if not s.startswith(STRESSED)}
    kept = [place for place, name in enumerate(table.header) if not place or name in shown]
    rows = [tuple(row[place] for place in kept) for row in table.rows if row[0] in HEADLINES]
    return text_table(
        tuple(table.header[place] for place in kept), rows, "l" + "r" * (len(kept) - 1)
    )


def failed_criteria(acceptance: pd.DataFrame) -> list[str]:
    """Name, value and threshold of each criterion that did not pass."""
    return [
        f"**{name}:** {value}, threshold {threshold}. {evidence}"
        for name, result, value, threshold, evidence in criteria_table(acceptance).rows
        if result == "FAIL"
    ]


def series_notes(inputs: ReportInputs) -> list[str]:
    """One bullet per series: its note, or the fact that it is missing."""
    notes = inputs.portfolio.set_index("series")["note"].to_dict()
    lines = []
    for series in all_series(inputs):
        note = str(notes[series]) if series in notes else f"{fmt.NOT_AVAILABLE} in this run."
        lines.append(f"- **{escape(series_name(series))}:** {escape(note)}")
    return lines


def symbols_table(inputs: ReportInputs) -> TextTable:
    """One row per symbol: candidates, trades, profit, and buy-and-hold."""
    summary = inputs.portfolio.set_index("series").to_dict("index")
    rows = []
    for symbol in inputs.symbols:
        scores = inputs.scores.loc[inputs.scores["symbol"] == symbol]
        platform, mock = (_trades_of(inputs.portfolio_trades, s, symbol) for s in (PLATFORM, MOCK))
        hold = summary.get(f"{BUY_AND_HOLD}{symbol}", {})
        rows.append(
            (
                escape(symbol),
                fmt.count(len(scores)),
                fmt.count(int(scores["is_gated"].astype(bool).sum())),
                fmt.count(len(platform)),
                fmt.share(_mean(platform["pnl_usd"] > 0)),
                fmt.bps(_mean(platform["net_bps"])),
                fmt.usd(platform["pnl_usd"].sum()),
                fmt.count(len(mock)) if MOCK in summary else fmt.NOT_AVAILABLE,
                fmt.bps(_mean(mock["net_bps"])),
                fmt.percent(_total_return(hold)),
                fmt.percent(hold.get("max_drawdown_frac")),
            )
        )
    header = (
        "Symbol",
        "Candidates",
        "Passed the gate",
        "Trades",
        "Hit rate",
        "Net per trade",
        "P&L",
        "Mock: trades",
        "Mock: net per trade",
        "Hold: return",
        "Hold: max drawdown",
    )
    return text_table(header, rows, "l" + "r" * 10)


def _trades_of(trades: pd.DataFrame, series: str, symbol: str) -> pd.DataFrame:
    return trades.loc[(trades["series"] == series) & (trades["symbol"] == symbol)]


def _mean(values: pd.Series) -> float:
    return float(np.nanmean(as_float(values))) if values.notna().any() else np.nan


def _total_return(row: dict) -> float | None:
    end, start = row.get("end_equity_usd"), row.get("start_equity_usd")
    if fmt.is_missing(end) or fmt.is_missing(start):
        return None
    return float(end) / float(start) - 1  # type: ignore[arg-type]


def _by_month(inputs: ReportInputs, series: str) -> pd.DataFrame:
    rows = inputs.portfolio_months.loc[inputs.portfolio_months["series"] == series]
    return rows.assign(month=months_of(rows)).sort_values("month").set_index("month")


def _compounded(returns: Iterable[float]) -> float:
    values = np.asarray(list(returns), dtype="float64")
    return float(np.prod(1 + values) - 1) if len(values) and np.isfinite(values).all() else np.nan


def _year_name(year: int, n_months: int) -> str:
    return str(year) if n_months == 12 else f"{year} ({fmt.plural(n_months, 'month')})"


def years_table(inputs: ReportInputs) -> TextTable:
    """The platform by calendar year: compounding account and constant account."""
    months, held = _by_month(inputs, PLATFORM), held_by_year(inputs)
    rows = []
    for year, part in months.groupby(pd.PeriodIndex(months.index).year):
        returns = as_float(part["return_frac"])
        rows.append(
            (
                _year_name(int(str(year)), len(part)),
                fmt.percent(_compounded(returns)),
                fmt.usd(as_float(part["pnl_usd"]).sum()),
                fmt.usd(as_float(part["pnl_constant_usd"]).sum()),
                fmt.count(held[int(str(year))]),
                f"{int((returns > 0).sum())} of {len(part)}",
                fmt.percent(returns.min()),
            )
        )
    header = (
        "Year",
        "Return",
        "P&L, compounding account",
        "P&L, constant account",
        "Trades",
        "Months with a gain",
        "Worst month",
    )
    return text_table(header, rows, "l" + "r" * 6)


def years_beside_table(inputs: ReportInputs) -> TextTable:
    """Return of every series by calendar year."""
    series = all_series(inputs)
    months = {s: _by_month(inputs, s)["return_frac"].astype("float64") for s in series}
    names = {y: sum(m.year == y for m in inputs.months) for y in {m.year for m in inputs.months}}
    rows = []
    for year in sorted(names):
        cells = [
            fmt.percent(_compounded(m[pd.PeriodIndex(m.index).year == year]))
            for m in months.values()
        ]
        rows.append((_year_name(year, names[year]), *cells))
    header = ("Year", *(escape(series_name(s)) for s in series))
    return text_table(header, rows, "l" + "r" * len(series))


def months_table(inputs: ReportInputs) -> TextTable:
    """The platform by month, with the mock baseline and the published one."""
    months = _by_month(inputs, PLATFORM)
    beside = {s: _by_month(inputs, s)["return_frac"].to_dict() for s in (MOCK, PUBLISHED)}
    rows = [
        (
            str(month),
            fmt.percent(row["return_frac"]),
            fmt.usd(row["pnl_usd"]),
            fmt.usd(row["pnl_constant_usd"]),
            fmt.usd(row["equity_usd"]),
            fmt.count(row["n_held"]),
            fmt.percent(row["max_drawdown_frac"]),
            *(fmt.percent(beside[s].get(month)) for s in (MOCK, PUBLISHED)),
        )
        for month, row in months.to_dict("index").items()
    ]
    header = (
        "Month",
        "Return",
        "P&L",
        "P&L, constant account",
        "Equity",
        "Trades",
        "Max drawdown within",
        series_name(MOCK),
        series_name(PUBLISHED),
    )
    return text_table(header, rows, "l" + "r" * 8)


def held_by_year(inputs: ReportInputs) -> dict[int, int]:
    """Trades of the platform that held a position in each calendar year.

    As in the months, one over the turn of a year counts in both, and what is still open at the end
    of the last month belongs to it.
    """
    trades = inputs.portfolio_trades.loc[inputs.portfolio_trades["series"] == PLATFORM]
    first, last = (
        np.minimum(pd.DatetimeIndex(trades[fill]).tz_convert("UTC").year, inputs.months[-1].year)
        for fill in ("entry_time_utc", "exit_time_utc")
    )
    years = {month.year for month in inputs.months}
    return {year: int(((first <= year) & (year <= last)).sum()) for year in years}


def calmar_sentence(portfolio: pd.DataFrame) -> str:
    """The platform's Calmar and the mock baseline's, on the same months."""
    calmar = portfolio.set_index("series")["calmar"].to_dict()
    platform, mock = calmar.get(PLATFORM), calmar.get(MOCK)
    if platform is None or fmt.is_missing(platform):
        return "The platform's Calmar is not available."
    if mock is None or fmt.is_missing(mock):
        return f"Calmar {fmt.ratio(platform)}; the mock baseline's is not available."
    return f"Calmar {fmt.ratio(platform)}, against {fmt.ratio(mock)} for the mock baseline."


def symbols_note(symbols: Sequence[str]) -> str:
    """The note under the table of symbols."""
    one = "the only symbol" if len(symbols) == 1 else f"{len(symbols)} symbols"
    return f"Trades of the portfolio ledger; {one} on one account."
