"""Reproduction: a fold trained again from what is stored, and every bit of it compared.

Belongs here: cutting and training the fold again, the comparison, what may have caused a
difference. Does not belong here: reading the store, printing.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import pandas as pd

from step3_assets.config import Step3Config
from step3_assets.domain.core.code import code_version, library_versions
from step3_assets.domain.core.months import month_label
from step3_assets.domain.registry.entries import (
    Provenance,
    artefacts_of,
    parameters_json,
    payload_artefacts,
)
from step3_assets.domain.walk_forward.month_steps import (
    FoldInputs,
    TrainingInputs,
    training_rows,
    training_step,
)

MEMBERS = "members (rows and roles)"
MISSING = "none"


@dataclass(frozen=True)
class Reproduction:
    """What came out.

    Parameters
    ----------
    table : DataFrame
        ``artefact, recorded, stored, made_again, is_same``: the members and each head, with hashes.
    causes : list of str
        What may have caused a difference; empty when there is none.
    """

    table: pd.DataFrame
    causes: list[str]

    @property
    def is_same(self) -> bool:
        """Every hash is the same in the registry, in the store and made again."""
        return bool(len(self.table) and self.table["is_same"].all())


def reproduce(
    row: Mapping[str, Any],
    stored: pd.DataFrame,
    events: pd.DataFrame,
    bars: pd.DataFrame,
    provenance: Provenance,
) -> Reproduction:
    """Cut and train a fold again and compare it with the registry and the store.

    Parameters
    ----------
    row : mapping
        The fold's row of ``model_registry``.
    stored : DataFrame
        Table ``calibrated_models`` of the month.
    events, bars : DataFrame
        Tables ``events`` and ``bar_features`` from the look-back to the month.
    provenance : Provenance
        What is in force now.
    """
    month: date = row["period_start"]
    settings = provenance.settings(month)
    rows = training_rows(FoldInputs(events=events, bars=bars, month=month, config=settings.folds))
    training = TrainingInputs(rows=rows, config=settings.models)
    again = training_step(training)["calibrated_models"]
    recorded = {MEMBERS: row["members_hash"], **artefacts_of(row)}
    found = {MEMBERS: _members(stored), **_hashes(stored)}
    made = {MEMBERS: ",".join(sorted(set(rows.fold.manifest["members_hash"]))), **_hashes(again)}
    names = [MEMBERS, *sorted((set(recorded) | set(found) | set(made)) - {MEMBERS})]
    frame = pd.DataFrame(
        {
            "artefact": names,
            **{
                column: [hashes.get(name, MISSING) for name in names]
                for column, hashes in (
                    ("recorded", recorded),
                    ("stored", found),
                    ("made_again", made),
                )
            },
        }
    )
    same = frame["recorded"].eq(frame["stored"]) & frame["recorded"].eq(frame["made_again"])
    frame["is_same"] = same & frame["recorded"].ne(MISSING)
    return Reproduction(frame, [] if frame["is_same"].all() else _causes(row, frame, provenance))


def _hashes(models: pd.DataFrame) -> dict[str, str]:
    """Of the payloads as they are."""
    return payload_artefacts(dict(zip(models["head"], models["payload"], strict=True)))


def _members(models: pd.DataFrame) -> str:
    return ",".join(sorted(set(models["members_hash"]))) or MISSING


def _causes(row: Mapping[str, Any], table: pd.DataFrame, provenance: Provenance) -> list[str]:
    """What differs between then and now; the store itself, where nothing else does."""
    month: date = row["period_start"]
    settings, causes = provenance.settings(month), []
    if row["inputs_hash"] != provenance.inputs_hash(month):
        causes.append(
            f"data: events of its look-back were restated since (registered with delivery "
            f"{row['dataset_version']}, in force is {provenance.dataset_version})"
        )
    if row["config_hash"] != settings.models.content_hash():
        causes.append("settings: its models were trained with other settings than those in force")
    elif row["parameters"] != parameters_json(settings):
        causes.append(f"settings: {_changed(row['parameters'], settings)} differ from those then")
    if row["code_version"] != code_version():
        causes.append(f"code: it was made by {row['code_version']}, this is {code_version()}")
    causes += [
        f"libraries: {name} was {then}, now it is {library_versions().get(name, 'not there')}"
        for name, then in json.loads(row["libraries"]).items()
        if library_versions().get(name) != then
    ]
    altered = table[(table["recorded"] == table["made_again"]) & ~table["is_same"]]
    if len(altered):
        causes.append(
            f"the store: {', '.join(altered['artefact'])} in calibrated_models are not what was "
            f"registered, training gives what was registered; train {month_label(month)} again"
        )
    if not causes:
        causes.append("same data, settings, code and libraries: the machine computes otherwise")
    return causes


def _changed(recorded: str | None, settings: Step3Config) -> str:
    """Names of the sections that differ."""
    then = json.loads(recorded) if recorded else {}
    now = json.loads(parameters_json(settings))
    return ", ".join(sorted(k for k in {*then, *now} if then.get(k) != now.get(k)))
