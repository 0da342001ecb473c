"""Tables of the account under other costs and allocations, and of its risk rules.

Belongs here: laying out ``cost_stress``, ``allocation_*`` and ``risk_events``. Does not belong
here: the comparison of series (:mod:`~step3_assets.domain.report.money_tables`).
"""

import pandas as pd

from step3_assets.catalogue.portfolio import RISK_ACTIONS
from step3_assets.config import RiskConfig
from step3_assets.domain.report import numbers as fmt
from step3_assets.domain.report.inputs import as_float, months_of
from step3_assets.domain.report.series import PLATFORM
from step3_assets.domain.report.text_table import TextTable, escape, text_table
from step3_assets.plugins.risk_rules import RULES

METHOD_NAMES = {
    "equal_weight": "Equal weight",
    "inverse_volatility": "Inverse volatility",
    "calmar": "Calmar-seeking",
    "searched": "As searched, epoch by epoch",
}


def cost_stress_table(cost_stress: pd.DataFrame) -> TextTable:
    """One row per factor: decisions and metrics under costs multiplied by it."""
    rows = [
        (
            f"× {row['factor']:g}",
            fmt.count(row["n_gated"]),
            fmt.count(row["n_trades"]),
            fmt.bps(row["net_bps_mean"]),
            fmt.share(row["hit_rate"]),
            fmt.percent(row["cagr"]),
            fmt.percent(row["max_drawdown_frac"]),
            fmt.ratio(row["calmar"]),
        )
        for row in cost_stress.sort_values("factor").to_dict("records")
    ]
    header = (
        "Costs",
        "Passed the gate",
        "Trades",
        "Net per trade",
        "Hit rate",
        "CAGR",
        "Max drawdown",
        "Calmar",
    )
    return text_table(header, rows, "l" + "r" * 7)


def allocation_table(compared: pd.DataFrame) -> TextTable:
    """One row per allocation method; the one in use in bold."""
    rows = []
    for row in compared.to_dict("records"):
        name = METHOD_NAMES.get(str(row["method"]), escape(str(row["method"])))
        rows.append(
            (
                f"**{name}** (in use)" if row["is_used"] else name,
                fmt.count(row["n_trades"]),
                fmt.percent(row["cagr"]),
                fmt.percent(row["max_drawdown_frac"]),
                fmt.ratio(row["calmar"]),
                fmt.ratio(row["sharpe"]),
                fmt.percent(row["worst_month_frac"]),
                fmt.share(row["weight_turnover_frac"]),
            )
        )
    header = (
        "Allocation",
        "Trades",
        "CAGR",
        "Max drawdown",
        "Calmar",
        "Sharpe",
        "Worst month",
        "Weight moved a month",
    )
    return text_table(header, rows, "l" + "r" * 7)


def weights_table(weights: pd.DataFrame) -> TextTable:
    """Smallest, last and largest share of each symbol by method."""
    rows = []
    ordered = weights.assign(period=months_of(weights)).sort_values("period", kind="stable")
    for (method, symbol), part in ordered.groupby(["method", "symbol"], sort=False):
        share = as_float(part["weight_frac"])
        rows.append(
            (
                METHOD_NAMES.get(str(method), escape(str(method))),
                escape(str(symbol)),
                *(fmt.share(value) for value in (share.min(), share[-1], share.max())),
            )
        )
    return text_table(("Allocation", "Symbol", "Least", "Last", "Most"), sorted(rows), "llrrr")


def risk_table(risk_events: pd.DataFrame, config: RiskConfig, max_gross_frac: float) -> TextTable:
    """Every rule with its limit and how often it acted on the platform's account."""
    platform = risk_events[risk_events["series"] == PLATFORM]
    rows = []
    for rule in RULES:
        limit = max_gross_frac if rule.limit is None else rule.limit_of(config)
        answers = platform[platform["rule"] == rule.name]
        counts = answers["action"].value_counts()
        rows.append(
            (
                rule.label,
                "off" if limit is None else rule.unit.show(limit),
                *(fmt.count(int(counts.get(action, 0))) for action in RISK_ACTIONS),
                "" if answers.empty else rule.unit.show(rule.unit.furthest(answers["value"])),
            )
        )
    header = (
        "Rule",
        "Limit",
        "Tripped",
        "Exits forced",
        "Entries cancelled",
        "Entries refused",
        "Entries trimmed",
        "Most extreme value",
    )
    return text_table(header, rows, "l" + "r" * 7)
