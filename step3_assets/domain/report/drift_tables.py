"""Tables of monitoring: the newest month's lines, every feature, how often each line spoke.

Belongs here: laying out table ``drift``. Does not belong here: its measures
(:mod:`step3_assets.domain.monitoring`).
"""

import pandas as pd

from step3_assets.catalogue.monitoring import DRIFT_METRICS
from step3_assets.domain.report import numbers as fmt
from step3_assets.domain.report.money_tables import PROSE_HEADER
from step3_assets.domain.report.text_table import TextTable, escape, text_table

METRIC_NAMES = {
    "psi": "Feature stability (PSI)",
    "brier": "Brier score",
    "ece": "Calibration error (ECE)",
    "ev_slope": "EV calibration slope",
    "entry_shortfall": "Run-up before entry, bps",
    "entry_jump": "Jump at entry over half cost",
}
STATE_NAMES = {"not_enough": "not enough yet", "quiet": "quiet", "warn": "WARN", "error": "ERROR"}
_FINE = ("brier", "ece")


def _newest(drift: pd.DataFrame) -> pd.DataFrame:
    return drift[drift["month"] == drift["month"].max()]


def state_sentence(drift: pd.DataFrame) -> str:
    """The newest month in one sentence."""
    newest = _newest(drift)
    counts = newest["state"].value_counts()
    loud = int(counts.get("warn", 0) + counts.get("error", 0))
    short = int(counts.get("not_enough", 0))
    text = f"At the close of {fmt.month_text(newest['month'].iloc[0])} "
    if loud:
        verb = "speaks" if loud == 1 else "speak"
        text += f"**{fmt.plural(loud, 'line')} of {len(newest)} {verb} up**"
    else:
        text += f"all {len(newest)} lines are quiet" if not short else "no line speaks up"
    return text + (f"; {short} have too few rows yet." if short else ".")


def newest_table(drift: pd.DataFrame) -> TextTable:
    """One row per metric of the newest month; of the features the one furthest above its bound."""
    newest = _newest(drift)
    features = newest[newest["metric"] == "psi"]
    above = (features["value"] / features["threshold"]).fillna(-1.0)
    worst = features.loc[above.sort_values(ascending=False, kind="stable").index[:1]]
    shown = pd.concat([worst, newest[newest["metric"] != "psi"]]).set_index("metric")
    rows = []
    for metric in (m for m in DRIFT_METRICS if m in shown.index):
        row = shown.loc[metric]
        write = fmt.score if metric in _FINE else fmt.ratio
        rows.append(
            (
                METRIC_NAMES[metric],
                write(row["value"]),
                write(row["threshold"]),
                STATE_NAMES[str(row["state"])],
                escape(str(row["sentence"])),
            )
        )
    header = ("Line", "Recent", "Warns at", "State", PROSE_HEADER)
    return text_table(header, rows, "lrrll")


def features_table(drift: pd.DataFrame) -> TextTable:
    """Every feature of the newest month, furthest from training first."""
    newest = _newest(drift)
    rows = [
        (
            escape(str(row["feature"])),
            fmt.ratio(row["value"]),
            fmt.ratio(row["reference"]),
            fmt.ratio(row["threshold"]),
            STATE_NAMES[str(row["state"])],
        )
        for row in newest[newest["metric"] == "psi"]
        .sort_values(["value", "feature"], ascending=[False, True])
        .to_dict("records")
    ]
    return text_table(("Feature", "Index", "Usual", "Warns above", "State"), rows, "lrrrl")


def history_table(drift: pd.DataFrame) -> TextTable:
    """How often each line spoke over all test months; a month counts once for all features."""
    order = {"not_enough": 0, "quiet": 1, "warn": 2, "error": 3}
    rows = []
    for metric in DRIFT_METRICS:
        mine = drift[drift["metric"] == metric]
        worst = mine["state"].map(order).groupby(mine["month"]).max()
        loud = worst[worst >= order["warn"]]
        last = fmt.month_text(loud.index.max()) if len(loud) else ""
        counts = [fmt.count(int((worst == place).sum())) for place in order.values()]
        rows.append((METRIC_NAMES[metric], *counts, last))
    header = ("Line, months", "Not enough yet", "Quiet", "Warned", "In error", "Last time")
    return text_table(header, rows, "lrrrrl")
