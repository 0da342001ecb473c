"""Tables of the weekly recalibration: its gain, and how often it was used.

Belongs here: laying out tables ``recalibration_comparison`` and ``recalibrations``. Does not belong
here: computing them.
"""

import pandas as pd

from step3_assets.domain.report import numbers as fmt
from step3_assets.domain.report.text_table import TextTable, escape, text_table

WITHOUT, CHECKED = "walk_forward", "weekly"
RETRAIN = "retrain"
ARM_NAMES = {
    "calibrator": {
        WITHOUT: "each fold's own calibrator",
        CHECKED: "recalibrated weekly, if no worse",
        "weekly_unchecked": "recalibrated weekly, unchecked",
    },
    RETRAIN: {
        WITHOUT: "each fold's own models",
        CHECKED: "retrained weekly, a week later if no worse",
        "weekly_unchecked": "retrained weekly, at once and unchecked",
    },
}
_REASONS = {
    "no_worse": "used: no worse than last week's on the newest labels",
    "worse_brier": "not used: higher Brier score on the newest labels",
    "worse_log_loss": "not used: higher log loss on the newest labels",
    "too_few_labels": "not fitted: too few labels",
    "one_outcome": "not fitted: winners or losers only",
    "too_few_new_labels": "not used: too few new labels to check on",
    "no_challenger": "none yet: no newer models than those in force have been trained",
    "no_model": "not fitted: the fold has no model",
}


def answer(rows: pd.DataFrame, level: float) -> str:
    """One sentence on whether weekly recalibration or retraining helped.

    Parameters
    ----------
    rows : DataFrame
        Table ``recalibration_comparison``.
    level : float
        Of the interval.
    """
    by_arm = rows.set_index("arm").to_dict("index")
    weekly, without = by_arm[CHECKED], by_arm[WITHOUT]
    gain, lower, upper = (weekly[f"brier_gain{end}"] for end in ("", "_lower", "_upper"))
    asked = f"Does {'retraining' if weekly['method'] == RETRAIN else 'recalibrating'} weekly help?"
    span = f"{weekly['first_month']:%Y-%m} to {weekly['last_month']:%Y-%m}"
    if fmt.is_missing(gain):
        return f"{asked} {span}: too few labels to say."
    if lower > 0:
        verdict = "the probabilities were better"
    elif upper < 0:
        verdict = "the probabilities were worse"
    else:
        verdict = "the probabilities differed by no more than chance explains"
    return (
        f"{asked} {span}: {verdict} (Brier {fmt.score(without['brier'])} "
        f"without, {fmt.score(weekly['brier'])} with; gain {fmt.score(gain)}, {level:.0%} interval "
        f"{fmt.score(lower)} to {fmt.score(upper)})."
    )


def comparison_table(rows: pd.DataFrame) -> TextTable:
    """Each arm's probabilities and trades."""
    is_retrained = set(rows["method"]) == {RETRAIN}
    method = RETRAIN if is_retrained else "calibrator"
    names = {a: text.capitalize() for a, text in ARM_NAMES[method].items()}
    made = "Weeks retrained" if is_retrained else "Weeks recalibrated"
    header = ("", made, "Brier", "Brier of base rate", "ECE", "Log loss")
    header += ("Net bps", "Trades", "End equity", "Calmar")
    lines = [
        (
            names.get(row["arm"], escape(str(row["arm"]))),
            f"{row['n_weeks_recalibrated']} of {row['n_weeks']}",
            fmt.score(row["brier"]),
            fmt.score(row["brier_base"]),
            fmt.score(row["ece"]),
            fmt.score(row["log_loss"]),
            fmt.bps(row["net_bps_mean"]),
            f"{row['n_trades']:,}",
            fmt.usd(row["end_equity_usd"]),
            fmt.ratio(row["calmar"]),
        )
        for row in rows.sort_values("position").to_dict("records")
    ]
    return text_table(header, lines, "lrrrrrrrrr")


def reasons_table(weeks: pd.DataFrame, compared: pd.DataFrame) -> TextTable:
    """Number of weeks per outcome, over the compared months.

    Parameters
    ----------
    weeks, compared : DataFrame
        Tables ``recalibrations`` and ``recalibration_comparison``.
    """
    first, last = compared["first_month"].iloc[0], compared["last_month"].iloc[0]
    weeks = weeks[weeks["method"] == compared["method"].iloc[0]]
    inside = weeks[(weeks["base_month"] >= first) & (weeks["base_month"] <= last)]
    counts = inside["reason"].value_counts()
    rows = [(text, str(int(counts[name]))) for name, text in _REASONS.items() if name in counts]
    return text_table(("Outcome of the week's refit", "Weeks"), rows, "lr")
