"""Tables of monitoring: the newest month, every feature, and how often each metric warned.

Belongs here: laying out table ``drift``. Does not belong here: the metrics, with their labels
(:mod:`step3_assets.domain.monitoring`).
"""

from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd

from step3_assets.config import DriftConfig
from step3_assets.domain.monitoring.metric import DriftMetric
from step3_assets.domain.monitoring.metrics import drift_metrics
from step3_assets.domain.report import numbers as fmt
from step3_assets.domain.report.money_tables import PROSE_HEADER
from step3_assets.domain.report.text_table import TextTable, escape, text_table

STATE_NAMES = {"not_enough": "not enough yet", "quiet": "quiet", "warn": "WARN", "error": "ERROR"}


def _per_feature() -> list[str]:
    return [metric.name for metric in drift_metrics() if metric.is_per_feature]


def _newest(drift: pd.DataFrame) -> pd.DataFrame:
    return drift[drift["month"] == drift["month"].max()]


def state_sentence(drift: pd.DataFrame) -> str:
    """The newest month in one sentence."""
    newest = _newest(drift)
    counts = newest["state"].value_counts()
    n_loud = int(counts.get("warn", 0) + counts.get("error", 0))
    n_short = int(counts.get("not_enough", 0))
    text = f"At the close of {fmt.month_text(newest['month'].iloc[0])} "
    if n_loud:
        text += f"**{n_loud} of {fmt.plural(len(newest), 'metric')} exceeded the limit**"
    else:
        text += "no metric exceeded its limit"
    return text + (f"; {n_short} have too few rows yet." if n_short else ".")


def newest_table(drift: pd.DataFrame, config: DriftConfig) -> TextTable:
    """One row per metric of the newest month; of a metric per feature, the worst feature."""
    newest = _newest(drift)
    is_feature = newest["metric"].isin(_per_feature())
    features = newest[is_feature]
    above = (features["value"] / features["threshold"]).fillna(-1.0)
    worst = features.loc[above.sort_values(ascending=False, kind="stable").index]
    worst = worst.drop_duplicates("metric")
    shown = pd.concat([worst, newest[~is_feature]]).set_index("metric").to_dict("index")
    rows = []
    for metric in (m for m in drift_metrics() if m.name in shown):
        row = shown[metric.name]
        rows.append(
            (
                metric.label,
                fmt.decimals(row["value"], metric.decimals),
                _interval(metric, row),
                _rule(metric, row),
                STATE_NAMES[str(row["state"])],
                escape(str(row["sentence"])),
            )
        )
    level = f"{1 - 2 * config.warn_rate:.0%} interval"
    header = ("Metric", "Recent", level, "Warns when", "State", PROSE_HEADER)
    return text_table(header, rows, "lrrlll")


def _interval(metric: DriftMetric, row: Mapping[Hashable, Any]) -> str:
    """The interval that the rule uses; empty for a rule that uses the value."""
    if metric.warns_when == "above":
        return ""
    return fmt.interval(*(fmt.decimals(row[end], metric.decimals) for end in ("lower", "upper")))


def _rule(metric: DriftMetric, row: Mapping[Hashable, Any]) -> str:
    """When the metric warns, in words with its limit."""
    limit = fmt.decimals(row["threshold"], metric.decimals)
    return limit if limit == fmt.NOT_AVAILABLE else f"{metric.warns_when} {limit}"


def features_table(drift: pd.DataFrame) -> TextTable:
    """Every feature of the newest month, largest shift first."""
    newest = _newest(drift)
    rows = [
        (
            escape(str(row["feature"])),
            fmt.ratio(row["value"]),
            fmt.ratio(row["reference"]),
            fmt.ratio(row["threshold"]),
            STATE_NAMES[str(row["state"])],
        )
        for row in newest[newest["metric"].isin(_per_feature())]
        .sort_values(["value", "feature"], ascending=[False, True])
        .to_dict("records")
    ]
    return text_table(("Feature", "Index", "Usual", "Warns above", "State"), rows, "lrrrl")


def history_table(drift: pd.DataFrame) -> TextTable:
    """How often each metric warned over all test months; a month counts at most once."""
    order = {"not_enough": 0, "quiet": 1, "warn": 2, "error": 3}
    rows = []
    for metric in drift_metrics():
        lines = drift[drift["metric"] == metric.name]
        worst = lines["state"].map(order).groupby(lines["month"]).max()
        loud = worst[worst >= order["warn"]]
        last = fmt.month_text(loud.index.max()) if len(loud) else ""
        counts = [fmt.count(int((worst == place).sum())) for place in order.values()]
        rows.append((metric.label, *counts, last))
    header = ("Metric, months", "Not enough yet", "Quiet", "Warned", "In error", "Last time")
    return text_table(header, rows, "lrrrrl")
