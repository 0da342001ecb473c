"""The model in force: which fold's models decide in a month of live operation.

Belongs here: the rule. Does not belong here: scoring with it, or the week's recalibration of it.
"""

from datetime import date
from typing import Any

import pandas as pd

from step3_assets.domain.registry.entries import FOLD
from step3_assets.domain.registry.errors import RegistryError
from step3_assets.domain.registry.stages import ARCHIVED, CHAMPION, Registry, as_rows


def model_in_force(
    registry: pd.DataFrame, transitions: pd.DataFrame, month: date
) -> dict[str, Any] | None:
    """The row of the model that decides in a calendar month.

    Parameters
    ----------
    registry : DataFrame
        Table ``model_registry``.
    transitions : DataFrame
        Table ``registry_transitions``.
    month : date
        First day of the month.

    Returns
    -------
    dict or None
        The champion's row. If there is none, or if the champion is of a later month (it would know
        the future), the newest fold that is not later than `month` and not archived; for the newest
        month this is the one at stage shadow. None if there is no model.

    Raises
    ------
    RegistryError
        If the registry contradicts its history or has two champions: then no model is used.
    """
    disagreements = history_disagreements(registry, transitions)
    if disagreements:
        raise RegistryError("; ".join(disagreements[:3]))
    champion = Registry(registry, transitions).champion
    if champion is not None and champion["period_start"] <= month:
        return champion
    folds = [row for row in as_rows(registry) if row["kind"] == FOLD and row["stage"] != ARCHIVED]
    eligible = [row for row in folds if row["period_start"] <= month]
    return max(eligible, key=lambda row: row["period_start"], default=None)


def champion_at(
    registry: pd.DataFrame, transitions: pd.DataFrame, instant: pd.Timestamp
) -> dict[str, Any] | None:
    """The row of the model that was the champion at an instant, according to the history.

    As it was known then: a promotion at the instant or later does not count; one that was undone
    since does. The row records what the model's bytes were, not whether they are still stored.

    Parameters
    ----------
    registry : DataFrame
        Table ``model_registry``.
    transitions : DataFrame
        Table ``registry_transitions``.
    instant : Timestamp
    """
    champion = None
    before = transitions[transitions["time_utc"] < instant].sort_values("position")
    for row in before.to_dict("records"):
        if row["to_stage"] == CHAMPION:
            champion = row["model_id"]
        elif row["model_id"] == champion:
            champion = None
    return None if champion is None else Registry(registry, transitions).row(champion)


def history_disagreements(registry: pd.DataFrame, transitions: pd.DataFrame) -> list[str]:
    """Models whose stage in the registry differs from that of their last recorded change."""
    ordered = transitions.sort_values("position")
    last = dict(zip(ordered["model_id"], ordered["to_stage"], strict=True))
    stages = dict(zip(registry["model_id"], registry["stage"], strict=True))
    return [
        f"{model_id} is {stages.get(model_id, 'not registered')}, its history says "
        f"{last.get(model_id, 'nothing')}"
        for model_id in sorted(set(last) | set(stages))
        if last.get(model_id) != stages.get(model_id)
    ]
