"""Tables of the features that the models use and the settings that the search chose.

Belongs here: laying out tables ``importances`` and ``tuned_params``. Does not belong here: gain
and SHAP (:mod:`step3_assets.domain.models.importance`), the search.
"""

import json
from collections.abc import Mapping
from typing import Any

import pandas as pd

from step3_assets.domain.report import numbers as fmt
from step3_assets.domain.report.text_table import TextTable, escape, text_table

HEAD_NAMES = {"classifier": "P(net gain)", "mean": "mean net return"}


def importance_summary(importances: pd.DataFrame) -> pd.DataFrame:
    """Mean shares over folds by feature, most gain first.

    Returns
    -------
    DataFrame
        Index ``feature``; ``gain`` and ``shap`` of each head, as ``gain, mean``, then
        ``least`` and ``most``: the range over folds of a feature's gain, the mean of both heads.
    """
    parts = {}
    for kind in ("gain", "shap"):
        means = importances.pivot_table(
            index="feature", columns="head", values=f"{kind}_frac", aggfunc="mean", dropna=False
        )
        parts |= {f"{kind}, {head}": means[head] for head in HEAD_NAMES if head in means}
    frame = pd.DataFrame(parts)
    by_fold = gain_by_month(importances)
    frame = frame.assign(least=by_fold.min(axis=1), most=by_fold.max(axis=1))
    return frame.loc[by_fold.mean(axis=1).sort_values(ascending=False, kind="stable").index]


def gain_by_month(importances: pd.DataFrame) -> pd.DataFrame:
    """Gain of each feature (rows) in each fold (columns), the mean of both heads."""
    return importances.pivot_table(
        index="feature", columns="month", values="gain_frac", aggfunc="mean"
    )


def importance_table(importances: pd.DataFrame) -> TextTable:
    """One row per feature: shares in both heads, and their range over the folds."""
    summary = importance_summary(importances)
    columns = [f"{kind}, {head}" for head in HEAD_NAMES for kind in ("gain", "shap")]
    rows = [
        (
            escape(str(feature)),
            *(fmt.share(row.get(column)) for column in columns),
            f"{fmt.share(row['least'])} to {fmt.share(row['most'])}",
        )
        for feature, row in summary.iterrows()
    ]
    names = [f"{kind}, {HEAD_NAMES[head]}" for head in HEAD_NAMES for kind in ("Gain", "SHAP")]
    return text_table(("Feature", *names, "Gain over the folds"), rows, "l" + "r" * 5)


def epochs_table(tuned_params: pd.DataFrame) -> TextTable:
    """One row per searched epoch: its gain on its inner months, and whether it was adopted."""
    rows = [
        (
            fmt.month_text(row["epoch"]),
            f"{fmt.count(row['n_model_trials'])} + {fmt.count(row['n_gate_trials'])}",
            fmt.fine_ratio(row["default_objective"]),
            fmt.fine_ratio(row["objective"]),
            fmt.fine_ratio(row["p_value"]),
            "settings as before" if row["is_default"] else "chosen settings",
        )
        for row in tuned_params.sort_values("epoch").to_dict("records")
    ]
    header = ("Epoch from", "Trials, models + gate", "Before", "Best", "By luck (p)", "In force")
    return text_table(header, rows, "lrrrrl")


def params_table(tuned_params: pd.DataFrame) -> TextTable:
    """One row per searched setting, one column per epoch."""
    ordered = tuned_params.sort_values("epoch")
    chosen: list[Mapping[str, Any]] = [json.loads(text) for text in ordered["params"]]
    names = sorted({name for params in chosen for name in params})
    rows = [(f"`{name}`", *(_setting(params.get(name)) for params in chosen)) for name in names]
    epochs = [fmt.month_text(epoch) for epoch in ordered["epoch"]]
    return text_table(("Setting", *epochs), rows, "l" + "r" * len(epochs))


def _setting(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.3g}" if isinstance(value, float) else escape(str(value))
