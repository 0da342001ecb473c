"""Stages follow from what is stored, in whatever order; every change has a reason."""

from datetime import date

import pytest

from step3_assets.catalogue.registry import (
    MODEL_REGISTRY,
    REGISTRY_TRANSITIONS,
    STAGES,
    TRANSITION_CAUSES,
)
from step3_assets.domain.core.hashing import frame_hash
from step3_assets.domain.registry.entries import RefitSource, recalibration_entry
from step3_assets.domain.registry.errors import RegistryError
from step3_assets.domain.registry.stages import (
    ALLOWED,
    Registry,
    StageBook,
    register_folds,
    register_recalibrations,
)
from step3_assets_tests.domain.registry.registered import (
    DEC,
    LATER,
    NOV,
    NOW,
    OCT,
    causes,
    entry,
    registry_of,
    stages,
)

A, B, C = entry(OCT), entry(NOV), entry(DEC)


def refit(week: date, base=C, sha="cc"):
    """A recalibration's entry."""
    return recalibration_entry(
        base,
        week,
        {"ridge": "aa", "blend": sha},
        RefitSource(dataset_version="d", members_hash="m", inputs_hash="i"),
        {"brier": 0.2},
    )


def test_new_folds_are_candidates_and_the_newest_is_in_the_shadow():
    found = registry_of(A, B, C)
    assert stages(found) == {
        A["model_id"]: "candidate",
        B["model_id"]: "candidate",
        C["model_id"]: "shadow",
    }
    assert list(found.transitions["position"]) == [1, 2, 3, 4]
    assert set(found.transitions["actor"]) == {"test"}


def test_registering_again_changes_nothing_and_adds_no_history():
    once = registry_of(A, B, C)
    again = register_folds(once, [C, B, A], LATER)
    assert again.models.equals(once.models)
    assert again.transitions.equals(once.transitions)


def test_month_by_month_ends_where_all_at_once_ends():
    grown = registry_of(A)
    for known in ([A, B], [A, B, C]):
        grown = register_folds(grown, known, LATER)
    at_once = registry_of(A, B, C)
    assert frame_hash(grown.models, MODEL_REGISTRY) == frame_hash(at_once.models, MODEL_REGISTRY)
    assert causes(grown)[-2:] == [(B["model_id"], "not_newest"), (C["model_id"], "newest")]


def test_the_clock_is_no_part_of_the_contents_hash():
    early, late = registry_of(A), register_folds(Registry.empty(), [A], LATER)
    assert early.transitions["time_utc"].iloc[0] != late.transitions["time_utc"].iloc[0]
    late = late.transitions.assign(actor="test")
    assert frame_hash(early.transitions, REGISTRY_TRANSITIONS) == frame_hash(
        late, REGISTRY_TRANSITIONS
    )


def test_other_bytes_are_a_new_version_and_the_old_is_archived_with_the_reason():
    other = entry(DEC, sha="ff")
    found = register_folds(registry_of(A, C), [A, other], LATER)
    assert stages(found)[C["model_id"]] == "archived"
    assert stages(found)[other["model_id"]] == "shadow"
    reason = found.transitions.set_index("cause").loc["replaced", "reason"]
    assert reason == f"Its fold was trained again to other bytes, {other['model_id']}."


def test_the_former_bytes_again_are_the_former_version_again():
    other = entry(DEC, sha="ff")
    found = register_folds(registry_of(A, C), [A, other], LATER)
    found = register_folds(found, [A, C], LATER)
    assert stages(found) == {
        A["model_id"]: "candidate",
        C["model_id"]: "shadow",
        other["model_id"]: "archived",
    }


def test_a_fold_without_models_any_more_is_archived_and_the_next_newest_is_watched():
    found = register_folds(registry_of(A, B), [A], LATER)
    assert stages(found) == {A["model_id"]: "shadow", B["model_id"]: "archived"}
    assert (B["model_id"], "withdrawn") in causes(found)


def test_what_an_entry_says_is_brought_up_to_date_without_a_change_of_stage():
    once = registry_of(A)
    again = register_folds(once, [{**A, "dataset_version": "newer"}], LATER)
    assert again.row(A["model_id"])["dataset_version"] == "newer"
    assert len(again.transitions) == len(once.transitions)


def test_a_refit_is_watched_and_the_one_before_it_no_longer():
    base = registry_of(A, C)
    first, second = refit(date(2023, 12, 4)), refit(date(2023, 12, 11))
    found = register_recalibrations(base, [first], NOW)
    found = register_recalibrations(found, [second, first], NOW)
    assert stages(found)[first["model_id"]] == "candidate"
    assert stages(found)[second["model_id"]] == "shadow"
    assert stages(found)[C["model_id"]] == "shadow"
    assert found.row(second["model_id"])["base_model_id"] == C["model_id"]
    again = register_recalibrations(found, [first, second], LATER)
    assert again.transitions.equals(found.transitions)
    at_once = register_recalibrations(base, [first, second], NOW)
    assert stages(at_once) == stages(found)
    assert at_once.champion is None


def test_a_week_that_holds_no_refit_any_more_is_withdrawn_and_may_come_back():
    first, second = refit(date(2023, 12, 4)), refit(date(2023, 12, 11))
    found = register_recalibrations(registry_of(C), [first, second], NOW)
    found = register_recalibrations(found, [first], LATER)
    assert stages(found)[second["model_id"]] == "archived"
    assert stages(found)[first["model_id"]] == "shadow"
    assert causes(found)[-2:] == [
        (second["model_id"], "withdrawn"),
        (first["model_id"], "newest"),
    ]
    found = register_recalibrations(found, [first, second], LATER)
    assert stages(found)[second["model_id"]] == "shadow"


def test_a_week_refitted_again_to_other_bytes_archives_the_former_refit():
    week = date(2023, 12, 4)
    found = register_recalibrations(registry_of(C), [refit(week)], NOW)
    found = register_recalibrations(found, [refit(week, sha="dd")], NOW)
    assert stages(found)[refit(week)["model_id"]] == "archived"
    assert stages(found)[refit(week, sha="dd")["model_id"]] == "shadow"


def test_refits_fall_with_their_base():
    found = register_recalibrations(registry_of(C), [refit(date(2023, 12, 4))], NOW)
    found = register_folds(found, [entry(DEC, sha="ff")], LATER)
    assert stages(found)[refit(date(2023, 12, 4))["model_id"]] == "archived"
    with pytest.raises(RegistryError, match="is not in the registry"):
        register_recalibrations(found, [refit(date(2023, 12, 11))], NOW)


def test_a_refit_of_a_refit_and_of_a_week_before_its_base_are_refused():
    once = refit(date(2023, 12, 4))
    with pytest.raises(RegistryError, match="a fold model is refitted"):
        refit(date(2023, 12, 11), base=once)
    with pytest.raises(RegistryError, match="lies before"):
        refit(date(2023, 11, 20))
    assert refit(date(2023, 11, 27))["period_start"] == date(2023, 11, 27)  # holds 1 December


def test_a_change_that_is_not_allowed_is_refused():
    book = StageBook(registry_of(A), NOW)
    with pytest.raises(RegistryError, match="shadow to champion"):
        book.move(A["model_id"], "champion", "superseded", "No criterion asked.")
    with pytest.raises(RegistryError, match="shadow to shadow"):
        book.move(A["model_id"], "shadow", "newest", "Again.")


def test_every_allowed_change_is_of_known_stages_and_causes():
    assert {cause for some in ALLOWED.values() for cause in some} == set(TRANSITION_CAUSES)
    assert {stage for change in ALLOWED for stage in change} == {None, *STAGES}
