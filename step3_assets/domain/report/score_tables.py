"""Tables of scores, decisions and folds, and of the settings behind them.

Belongs here: laying out the metrics of :mod:`~step3_assets.domain.report.reliability`,
:mod:`~step3_assets.domain.report.ev_calibration` and :mod:`~step3_assets.domain.report.funnel`,
the fold manifest and the configuration. Does not belong here: tables of money.
"""

from collections.abc import Iterator
from typing import Any

import pandas as pd
from pydantic import BaseModel

from step3_assets.catalogue.folds import DROP_REASONS, ROLES
from step3_assets.domain.core.keys import ALL_SYMBOLS
from step3_assets.domain.report import numbers as fmt
from step3_assets.domain.report.funnel import FunnelStep
from step3_assets.domain.report.inputs import ReportInputs, months_of
from step3_assets.domain.report.reliability import ProbabilityScore
from step3_assets.domain.report.series import MOCK, PLATFORM, series_name
from step3_assets.domain.report.text_table import TextTable, escape, text_table


def probability_table(scores: list[ProbabilityScore]) -> TextTable:
    """Brier, log loss and expected calibration error, compared with the sample's base rate."""
    base = {s.sample: s for s in scores if s.name == "Base rate"}
    rows = [
        (
            s.sample.capitalize(),
            s.name,
            fmt.count(s.n_rows),
            fmt.score(s.brier),
            _against_base(s, base.get(s.sample)),
            fmt.score(s.log_loss),
            fmt.percent(s.ece),
        )
        for s in scores
    ]
    header = ("Sample", "Probability", "Rows", "Brier", "Against base rate", "Log loss", "ECE")
    return text_table(header, rows, "llrrrrr")


def _against_base(score: ProbabilityScore, base: ProbabilityScore | None) -> str:
    """Difference of the Brier scores, if both cover the same number of rows."""
    if base is None or fmt.is_missing(base.brier) or fmt.is_missing(score.brier):
        return fmt.NOT_AVAILABLE
    if score.n_rows != base.n_rows:
        return fmt.NOT_AVAILABLE
    if score is base:
        return "0"
    change = score.brier - base.brier
    word = "better" if change < 0 else "worse" if change > 0 else "equal"
    return f"{fmt.score(abs(change))} {word}"


def deciles_table(deciles: pd.DataFrame, level: float) -> TextTable:
    """Expected and realised net by tenth of ``ev_final``."""
    rows = []
    for row in deciles.itertuples():
        interval = fmt.NOT_AVAILABLE
        if not fmt.is_missing(row.lo_bps):
            interval = f"{fmt.bps(row.lo_bps)} to {fmt.bps(row.hi_bps)}"
        rows.append(
            (
                fmt.count(row.decile),
                fmt.count(row.n_rows),
                fmt.bps(row.ev_bps),
                fmt.bps(row.net_bps),
                interval,
            )
        )
    header = (
        "Tenth of ev_final",
        "Events",
        "Mean expected",
        "Mean realised",
        f"{level:.0%} interval",
    )
    return text_table((escape(header[0]), *header[1:]), rows, "rrrrr")


def funnel_tables(
    platform: list[FunnelStep], mock: list[FunnelStep] | None
) -> list[tuple[str, TextTable]]:
    """One named table per funnel: the candidates left at each stage, and the reasons for losses."""
    named = [(PLATFORM, platform)] + ([(MOCK, mock)] if mock else [])
    return [(series_name(series), _funnel(steps)) for series, steps in named]


def _funnel(steps: list[FunnelStep]) -> TextTable:
    total = steps[0].n_events
    rows = [
        (
            f"left: {escape(step.label)}" if step.is_loss else f"**{escape(step.label)}**",
            fmt.count(step.n_events),
            fmt.share_of(step.n_events, total),
        )
        for step in steps
    ]
    return text_table(("Step", "Events", "Of the candidates"), rows, "lrr")


def _folds_by_month(inputs: ReportInputs) -> pd.DataFrame:
    """Rows of each role over all symbols, and the month's backtest."""
    names = [f"n_{role}" for role in ROLES]
    roles = inputs.folds[names].astype("float64").groupby(months_of(inputs.folds)).sum()
    tests = inputs.fold_backtests.loc[inputs.fold_backtests["symbol"] == ALL_SYMBOLS]
    tests = tests.assign(month=months_of(tests)).set_index("month")
    return roles.join(
        tests[["n_gated", "n_trades", "return_frac", "max_drawdown_frac", "brier", "brier_base"]],
        how="outer",
    ).sort_index()


def folds_table(inputs: ReportInputs) -> TextTable:
    """One row per test month: training rows, dropped rows, results."""
    rows = [
        (
            str(row.Index),
            fmt.count(row.n_fit),
            fmt.count(row.n_calibration),
            fmt.count(row.n_test),
            fmt.count(row.n_purged),
            fmt.count(row.n_embargoed),
            fmt.count(row.n_not_final),
            fmt.count(row.n_gated),
            fmt.count(row.n_trades),
            fmt.percent(row.return_frac),
            fmt.percent(row.max_drawdown_frac),
            fmt.score(row.brier),
            fmt.score(row.brier_base),
        )
        for row in _folds_by_month(inputs).itertuples()
    ]
    header = (
        "Test month",
        "Fit",
        "Calibration",
        "Test",
        "Purged",
        "Embargoed",
        "Not final",
        "Passed the gate",
        "Trades, month alone",
        "Return, month alone",
        "Max drawdown, month alone",
        "Brier",
        "Brier, base rate",
    )
    return text_table(header, rows, "l" + "r" * 12)


def drops_table(folds: pd.DataFrame) -> TextTable:
    """Rows by role and drop reason, symbol by symbol, over all folds."""
    rows = []
    for symbol, part in folds.groupby("symbol"):
        sums = [part[f"n_{role}"].sum() for role in ROLES]
        rows.append((escape(str(symbol)), fmt.count(len(part)), *(fmt.count(s) for s in sums)))
    plain = [role.replace("_", " ").capitalize() for role in ROLES]
    return text_table(("Symbol", "Folds", *plain), rows, "lr" + "r" * len(ROLES))


def n_dropped(folds: pd.DataFrame) -> int:
    """Number of rows dropped inside the windows, over all folds and symbols."""
    inside = [f"n_{reason}" for reason in DROP_REASONS if reason != "outside_window"]
    return int(folds[inside].to_numpy().sum())


def settings_table(config: BaseModel) -> TextTable:
    """Each setting that differs from its default, by its dotted name."""
    defaults = dict(_flat(type(config)().model_dump(mode="json")))
    rows = [
        (f"`{name}`", f"`{value}`", f"`{defaults.get(name, '')}`")
        for name, value in _flat(config.model_dump(mode="json"))
        if value != defaults.get(name)
    ]
    return text_table(("Setting", "Value", "Default"), rows, "lrr")


def _flat(settings: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in settings.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", _setting(value)


def _setting(value: Any) -> str:
    if value is None:
        return "off"
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return text.replace("`", "'").replace("|", "/")
