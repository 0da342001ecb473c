"""The registry in brief: for the UI, the command line and the report.

Belongs here: which facts of the registry a reader is shown. Does not belong here: laying them
out.
"""

import json
from typing import Any

import numpy as np
import pandas as pd

from step3_assets.catalogue.registry import STAGES
from step3_assets.domain.core.months import month_label
from step3_assets.domain.registry.entries import FOLD
from step3_assets.domain.registry.stages import ARCHIVED, CHAMPION, Registry, as_rows

NONE = "none"


def registry_summary(models: pd.DataFrame) -> dict[str, str]:
    """The champion, the newest fold's model with its stage, how many there are at each stage.

    Parameters
    ----------
    models : DataFrame
        Table ``model_registry``.
    """
    folds = [row for row in as_rows(models) if row["kind"] == FOLD]
    standing = [row for row in folds if row["stage"] != ARCHIVED]
    newest = max(standing or folds, key=lambda row: row["period_start"], default=None)
    champions = sorted(models.loc[models["stage"] == CHAMPION, "model_id"])
    return {
        "champion": ", ".join(champions) or NONE,
        "newest model": f"{newest['model_id']} ({newest['stage']})" if newest else NONE,
        "models by stage": _by_stage(models[models["kind"] == FOLD]),
        "weeks by stage": _by_stage(models[models["kind"] != FOLD]),
    }


def _by_stage(models: pd.DataFrame) -> str:
    counts = models["stage"].value_counts()
    return ", ".join(f"{int(counts[s])} {s}" for s in STAGES if s in counts) or NONE


def models_table(registry: Registry, kind: str) -> pd.DataFrame:
    """One row for each model of a kind, the newest period first: its stage and its quality.

    Returns
    -------
    DataFrame
        ``model, stage, for, brier, base rate, parameters, because``; an unknown metric is
        NaN.
    """
    ordered = registry.transitions.sort_values("position")
    last = {row["model_id"]: row for row in as_rows(ordered)}
    of_kind = registry.models[registry.models["kind"] == kind]
    rows = sorted(as_rows(of_kind), key=lambda r: (r["period_start"], r["model_id"]))
    return pd.DataFrame(
        [_shown(row, last.get(row["model_id"], {})) for row in reversed(rows)],
        columns=["model", "stage", "for", "brier", "base rate", "parameters", "because"],
    )


def _shown(row: dict[str, Any], last: dict[str, Any]) -> dict[str, Any]:
    metrics = json.loads(row["metrics"])
    is_fold = row["kind"] == FOLD
    return {
        "model": row["model_id"],
        "stage": row["stage"],
        "for": month_label(row["period_start"]) if is_fold else f"week of {row['period_start']}",
        "brier": _number(metrics.get("brier")),
        "base rate": _number(metrics.get("brier_base_rate")),
        "parameters": row["parameters_source"],
        "because": last.get("reason", ""),
    }


def _number(value: float | None) -> float:
    return np.nan if value is None else float(value)
