"""Tables of evidence: statistics with their intervals, checks of the leakage audit.

Belongs here: laying out tables ``statistics`` and ``audit``. Does not belong here: what they hold.
"""

import pandas as pd

from step3_assets.domain.report import numbers as fmt
from step3_assets.domain.report.money_tables import PROSE_HEADER
from step3_assets.domain.report.text_table import TextTable, escape, text_table

_NAMES = {
    "calmar": "Calmar",
    "calmar_gain_over_mock": "Calmar less the mock baseline's",
    "sharpe": "Sharpe",
    "net_bps_mean": "Net per trade, bps",
    "probabilistic_sharpe": "Probabilistic Sharpe ratio",
    "deflated_sharpe": "Deflated Sharpe ratio",
    "backtest_overfitting": "Probability of backtest overfitting",
    "gate_permutation_p": "Gate against random choice, p",
    "ev_slope": "EV calibration slope",
    "brier_gain": "Brier gain over the base rate",
}


def statistics_table(statistics: pd.DataFrame) -> TextTable:
    """Each figure with its interval and what it says."""
    rows = []
    for row in statistics.sort_values("position").to_dict("records"):
        name = str(row["name"])
        write = fmt.score if name == "brier_gain" else fmt.fine_ratio
        interval = ""
        if not fmt.is_missing(row["lower"]):
            interval = f"{write(row['lower'])} to {write(row['upper'])}"
        rows.append(
            (
                _figure_name(name),
                write(row["value"]),
                interval,
                escape(str(row["sentence"])),
            )
        )
    return text_table(("Figure", "Value", "Interval", PROSE_HEADER), rows, "lrrl")


def methods_table(statistics: pd.DataFrame) -> TextTable:
    """How each figure was had."""
    ordered = statistics.sort_values("position").to_dict("records")
    rows = [(_figure_name(str(row["name"])), escape(str(row["method"]))) for row in ordered]
    return text_table(("Figure", "How"), rows, "ll")


def _figure_name(name: str) -> str:
    return escape(_NAMES.get(name, name.replace("_", " ").capitalize()))


def audit_table(audit: pd.DataFrame) -> TextTable:
    """Each check with its verdict and what it looked at."""
    rows = [
        (
            escape(str(row["check"]).replace("_", " ").capitalize()),
            "PASS" if row["is_passed"] is not None and bool(row["is_passed"]) else "FAIL",
            escape(str(row["evidence"])),
        )
        for row in audit.sort_values("position").to_dict("records")
    ]
    return text_table(("Check", "Result", PROSE_HEADER), rows, "lll")
