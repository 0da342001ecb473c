"""Contradictions within the registry: each is planted and found."""

from datetime import timedelta

import pandas as pd

from step3_assets.domain.registry.entries import (
    RefitSource,
    artefacts_hash,
    artefacts_of,
    recalibration_entry,
    week_artefacts,
)
from step3_assets.domain.registry.integrity import (
    artefact_violations,
    stage_violations,
    week_violations,
)
from step3_assets.domain.registry.stages import register_recalibrations
from step3_assets_tests.domain.registry.registered import DEC, NOV, NOW, entry, registry_of

A, B = entry(NOV), entry(DEC)
HONEST = registry_of(A, B)
STORED = pd.DataFrame(
    [(m, head, sha) for m in (NOV, DEC) for head, sha in (("blend", "bb"), ("ridge", "aa"))],
    columns=["month", "head", "payload_sha256"],
)


def test_an_honest_registry_has_no_violation():
    assert stage_violations(HONEST.models, HONEST.transitions) == []
    assert artefact_violations(HONEST.models, STORED) == []


def test_two_champions_are_seen():
    models = HONEST.models.assign(stage="champion")
    found = stage_violations(models, HONEST.transitions)
    assert found[0].startswith("model_registry: 2 champions: fold-2023-11-")
    assert any("its history says candidate" in text for text in found)


def test_a_history_with_a_gap_or_a_jump_is_seen():
    gap = HONEST.transitions.drop(index=1)
    assert any("without a gap" in text for text in stage_violations(HONEST.models, gap))
    jump = HONEST.transitions.copy()
    jump.loc[2, ["to_stage", "cause"]] = ["champion", "registered"]
    assert any("does not allow" in text for text in stage_violations(HONEST.models, jump))


def test_a_model_that_nobody_registered_and_one_that_vanished_are_seen():
    assert any(
        "not registered" in text
        for text in stage_violations(HONEST.models.iloc[1:], HONEST.transitions)
    )


def test_stored_models_that_are_not_the_registered_ones_are_named():
    altered = STORED.assign(payload_sha256=["bb", "ff", "bb", "aa"])
    (found,) = artefact_violations(HONEST.models, altered)
    assert found.startswith(f"model_registry: {A['model_id']} is not what calibrated_models holds")
    assert "ridge differ" in found


def test_a_fold_that_was_not_registered_is_named():
    (found,) = artefact_violations(registry_of(A).models, STORED)
    assert "2023-12 has models and is not registered" in found


def test_weeks_that_stand_are_the_stored_ones_and_all_of_them():
    week = DEC + timedelta(days=3)
    row = {"week": week, "method": "calibrator", "calibrator_sha256": "cc"}
    stored = pd.DataFrame([row | {"base_hash": artefacts_hash(artefacts_of(B))}])
    nothing = pd.DataFrame(columns=["week", "head", "payload_sha256"])
    refit = recalibration_entry(
        B,
        week,
        week_artefacts(B, row, {}) or {},
        RefitSource(dataset_version="d", members_hash="m", inputs_hash="i"),
        {},
    )
    registered = register_recalibrations(HONEST, [refit], NOW).models
    assert week_violations(registered, stored, nothing) == []
    (missing,) = week_violations(HONEST.models, stored, nothing)
    assert "stored and not registered" in missing
    other, lost = week_violations(registered, stored.assign(calibrator_sha256="dd"), nothing)
    assert "is not what its week holds now" in other
    assert "stored and not registered" in lost
    for unmade in ({"calibrator_sha256": None}, {"base_hash": "of models that do not stand"}):
        assert week_violations(HONEST.models, stored.assign(**unmade), nothing) == []
