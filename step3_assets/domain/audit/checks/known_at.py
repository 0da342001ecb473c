"""Known-at: no model saw a column that is known only after the decision.

Belongs here: the check of settings, stored feature lists and the matrix builder's refusal. Does not
belong here: whether a column's values honour the catalogue
(:mod:`~step3_assets.domain.audit.checks.prefix`).
"""

import pandas as pd

from step3_assets.catalogue.column import KnownAt
from step3_assets.catalogue.delivery import EVENTS
from step3_assets.domain.audit.check import AuditCheck
from step3_assets.domain.audit.inputs import AuditInputs, Evidence, verdict_of
from step3_assets.domain.models import features
from step3_assets.domain.models.heads import stored_features_hash
from step3_assets.domain.models.text_format import load_numbers, read_payloads

TOO_LATE = tuple(c.name for c in EVENTS.columns if c.known_at is not KnownAt.DECISION)


def check_known_at(inputs: AuditInputs) -> Evidence:
    """Check settings, the feature list of every fold's models, and the builder's refusal."""
    wanted = inputs.config.models.features
    faults = [f"{name} is a feature and is known later" for name in wanted if _is_late(name)]
    faults += [
        f"the matrix builder took {name}, which is not known at the decision"
        for name in TOO_LATE
        if not _is_refused(name)
    ]
    for month, rows in inputs.models.groupby("month"):
        names = _stored_names(rows)
        late = [n for n in names if _is_late(n.split("=")[0])]
        faults += [f"models of {month:%Y-%m} saw {name}" for name in late]
        if {n.split("=")[0] for n in names} - set(wanted):
            faults.append(f"models of {month:%Y-%m} saw columns that the settings do not name")
    expected = {_hash_of(rows) for _, rows in inputs.models.groupby("month")}
    for month, found in sorted(inputs.features_hashes.items()):
        if len(found) != 1 or (expected and not found <= expected):
            faults.append(f"models of {month:%Y-%m} have a feature list that no sampled fold has")
    return verdict_of(
        faults,
        f"{len(wanted)} features, all known at the decision, in {len(inputs.features_hashes)} "
        f"folds' models; the matrix builder refused each of {len(TOO_LATE)} other columns of "
        "events.",
    )


def _is_late(name: str) -> bool:
    column = EVENTS.by_name.get(name)
    return column is None or column.known_at is not KnownAt.DECISION


def _is_refused(name: str) -> bool:
    try:
        features.feature_matrix(pd.DataFrame({name: []}), columns=[name])
    except features.LeakageError:
        return True
    return False


def _hash_of(rows: pd.DataFrame) -> str:
    return stored_features_hash(read_payloads(rows))


def _stored_names(rows: pd.DataFrame) -> list[str]:
    return list(load_numbers(read_payloads(rows)["features"])["names"])


CHECKS = (
    AuditCheck(
        name="known_at",
        position=10,
        does="settings, the feature list of every fold's models, and the matrix builder's "
        "refusal of every other column",
        planted="an outcome among the features of the settings or of a stored model; a month "
        "with another list; a builder that refuses nothing",
        run=check_known_at,
    ),
)
