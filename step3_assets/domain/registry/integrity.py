"""Checks that the registry agrees with its history and with the stored models.

Belongs here: violations, each as one sentence. Does not belong here: types and nulls
(:mod:`step3_assets.domain.core.validation`), what a check does with a violation.
"""

import pandas as pd

from step3_assets.domain.registry.entries import (
    FOLD,
    RECALIBRATION,
    artefacts_by_month,
    artefacts_of,
    model_id,
    standing_bases,
    week_artefacts,
)
from step3_assets.domain.registry.in_force import history_disagreements
from step3_assets.domain.registry.stages import ALLOWED, ARCHIVED, CHAMPION, as_rows


def stage_violations(models: pd.DataFrame, transitions: pd.DataFrame) -> list[str]:
    """More than one champion, a history with gaps or jumps, stages that it does not lead to.

    Parameters
    ----------
    models, transitions : DataFrame
        Tables ``model_registry`` and ``registry_transitions``.
    """
    champions = sorted(models.loc[models["stage"] == CHAMPION, "model_id"])
    problems = []
    if len(champions) > 1:
        problems.append(f"model_registry: {len(champions)} champions: {', '.join(champions)}")
    ordered = as_rows(transitions.sort_values("position"))
    if [row["position"] for row in ordered] != list(range(1, len(ordered) + 1)):
        problems.append("registry_transitions: positions do not count from 1 without a gap")
    stage: dict[str, str] = {}
    for row in ordered:
        before, after = row["from_stage"], row["to_stage"]
        if stage.get(row["model_id"]) != before or row["cause"] not in ALLOWED.get(
            (before, after), ()
        ):
            problems.append(
                f"registry_transitions: position {row['position']} moves {row['model_id']} from "
                f"{before} to {after} ({row['cause']}), which its history does not allow"
            )
        stage[row["model_id"]] = after
    problems += [f"model_registry: {d}" for d in history_disagreements(models, transitions)]
    return problems


def artefact_violations(models: pd.DataFrame, calibrated_models: pd.DataFrame) -> list[str]:
    """Registered fold models whose bytes are not the stored ones, and stored ones not registered.

    Parameters
    ----------
    models : DataFrame
        Table ``model_registry``.
    calibrated_models : DataFrame
        ``month, head, payload_sha256`` of the table of that name, every month.
    """
    stored = artefacts_by_month(calibrated_models)
    problems = []
    registered = set()
    for row in as_rows(models):
        if row["kind"] != FOLD or row["stage"] == ARCHIVED:
            continue
        month = row["period_start"]
        registered.add(month)
        recorded, found = artefacts_of(row), stored.get(month, {})
        differ = sorted(k for k in {*recorded, *found} if recorded.get(k) != found.get(k))
        if differ:
            problems.append(
                f"model_registry: {row['model_id']} is not what calibrated_models holds: "
                f"{', '.join(differ)} differ; materialize model_registry"
            )
    problems += [
        f"model_registry: the fold of {month:%Y-%m} has models and is not registered"
        for month in sorted(set(stored) - registered)
    ]
    return problems


def week_violations(
    models: pd.DataFrame, recalibrations: pd.DataFrame, weekly_models: pd.DataFrame
) -> list[str]:
    """Registered refits that are not the stored ones, and stored ones that are not registered.

    Parameters
    ----------
    models : DataFrame
        Table ``model_registry``.
    recalibrations : DataFrame
        ``week, method, base_hash, calibrator_sha256`` of the table of that name. A week without a
        refit, or on archived models, is expected not to be registered.
    weekly_models : DataFrame
        ``week, head, payload_sha256`` of the table of that name.
    """
    bases = standing_bases(models)
    trained = dict(iter(weekly_models.groupby("week")))
    records = [{str(k): v for k, v in row.items()} for row in recalibrations.to_dict("records")]
    stored = {
        model_id(RECALIBRATION, row["week"], artefacts)
        for row in records
        if (base := bases.get(row["base_hash"]))
        and (artefacts := week_artefacts(base, row, trained))
    }
    is_standing = (models["kind"] == RECALIBRATION) & (models["stage"] != ARCHIVED)
    standing = set(models.loc[is_standing, "model_id"])
    return [
        *(
            f"model_registry: {name} is not what its week holds now; materialize model_registry"
            for name in sorted(standing - stored)
        ),
        *(
            f"model_registry: {name} is stored and not registered"
            for name in sorted(stored - standing)
        ),
    ]
