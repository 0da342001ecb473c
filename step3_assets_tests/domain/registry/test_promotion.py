"""Promotion needs every criterion and every check; a rollback restores the champion before."""

import json
from dataclasses import replace

import pandas as pd
import pytest

from step3_assets.catalogue.results import RESULT_VERSIONS
from step3_assets.config import Step3Config
from step3_assets.domain.acceptance.criteria import CRITERIA
from step3_assets.domain.acceptance.verdict import judge
from step3_assets.domain.audit.run import CHECKS
from step3_assets.domain.models.text_format import payload_sha256
from step3_assets.domain.registry.entries import (
    RefitSource,
    acceptance_json,
    model_id,
    recalibration_entry,
)
from step3_assets.domain.registry.errors import RegistryError
from step3_assets.domain.registry.evidence import ResultVersion
from step3_assets.domain.registry.promotion import (
    Evidence,
    PromotionRefused,
    former_champion,
    promote,
    rollback,
)
from step3_assets.domain.registry.stages import (
    Registry,
    register_folds,
    register_recalibrations,
)
from step3_assets_tests.domain.acceptance.test_verdict import passing_audit, passing_tables
from step3_assets_tests.domain.registry.registered import (
    DEC,
    LATER,
    NOV,
    NOW,
    causes,
    entry,
    stages,
)

PAYLOADS = {"ridge": "some numbers", "blend": "some weights"}
MODELS = pd.DataFrame({"head": list(PAYLOADS), "payload": list(PAYLOADS.values())})
PASSED = judge(passing_tables(), Step3Config())
VERSION = ResultVersion("d", "c", "m", NOV, DEC)


def versions(**of_acceptance) -> pd.DataFrame:
    """What both results speak of; that of acceptance may differ."""
    table = VERSION.written(pd.DataFrame(columns=RESULT_VERSIONS.names), "audit")
    return replace(VERSION, **of_acceptance).written(table, "acceptance")


def fold(month) -> dict:
    """An entry whose artefacts are the payloads' and whose criteria all passed."""
    artefacts = {head: payload_sha256(text) for head, text in PAYLOADS.items()}
    return {
        **entry(month),
        "model_id": model_id("fold", month, artefacts),
        "artefacts": json.dumps(artefacts),
        "dataset_version": "d",
        "criteria": acceptance_json(PASSED),
    }


EVIDENCE = Evidence(
    acceptance=PASSED,
    audit=passing_audit().assign(evidence="looked at", position=range(len(CHECKS))),
    result_versions=versions(),
    current=VERSION,
    models=MODELS,
)
A, B = fold(NOV), fold(DEC)
ID_A, ID_B = A["model_id"], B["model_id"]
REGISTERED = register_folds(Registry.empty(), [A, B], NOW)


def promoted(
    registry: Registry = REGISTERED,
    model: str = ID_B,
    evidence: Evidence = EVIDENCE,
    seen: str | None = None,
) -> Registry:
    return promote(registry, model, evidence, seen_champion=seen, reason="goes live", change=LATER)


def back(registry: Registry, seen: str | None, models: pd.DataFrame = MODELS) -> Registry:
    return rollback(registry, models, seen_champion=seen, reason="fills were worse", change=LATER)


def test_with_every_criterion_and_check_passed_the_model_is_champion():
    found = promoted()
    assert stages(found) == {ID_A: "candidate", ID_B: "champion"}
    last = found.transitions.iloc[-1]
    assert (last["actor"], last["reason"], last["cause"]) == ("somebody", "goes live", "promoted")
    evidence = json.loads(last["evidence"])
    assert set(evidence["criteria"]) == set(CRITERIA)
    assert evidence["audit"] == list(CHECKS)
    assert evidence["dataset_version"] == "d"


def failed_criterion(name: str) -> Evidence:
    wrong = PASSED.copy()
    wrong.loc[wrong["criterion"] == name, ["is_passed", "evidence"]] = [False, "it fell by 30%"]
    return replace(EVIDENCE, acceptance=wrong)


@pytest.mark.parametrize("name", CRITERIA)
def test_one_failed_criterion_refuses_and_is_named(name):
    with pytest.raises(PromotionRefused) as refused:
        promoted(evidence=failed_criterion(name))
    assert f"criterion {name} failed: it fell by 30%" in str(refused.value)
    assert sum(p.startswith("criterion ") for p in refused.value.problems) == 1


@pytest.mark.parametrize("check", CHECKS)
def test_one_failed_check_of_the_audit_refuses_even_when_its_criterion_says_otherwise(check):
    audit = EVIDENCE.audit.copy()
    audit.loc[audit["check"] == check, "is_passed"] = False
    with pytest.raises(PromotionRefused, match=f"audit check {check} failed"):
        promoted(evidence=replace(EVIDENCE, audit=audit))


@pytest.mark.parametrize(
    ("evidence", "says"),
    [
        (
            replace(EVIDENCE, acceptance=PASSED.iloc[:0]),
            "max_drawdown failed: it was not",
        ),
        (replace(EVIDENCE, audit=EVIDENCE.audit.iloc[:0]), "check known_at failed: it was not run"),
        (
            replace(EVIDENCE, result_versions=versions().iloc[:0]),
            "it is not known what it was made from",
        ),
        (replace(EVIDENCE, result_versions=versions(dataset_version="old")), "delivery old"),
        (replace(EVIDENCE, result_versions=versions(config_hash="x")), "with other settings"),
        (
            replace(EVIDENCE, result_versions=versions(models_hash="x")),
            "have been trained again since",
        ),
        (
            replace(EVIDENCE, result_versions=versions(last_month=NOV)),
            "to 2023-11, but the scored months are",
        ),
        (
            replace(EVIDENCE, current=replace(VERSION, dataset_version="new")),
            "it was registered with delivery d, in force is new",
        ),
        (replace(EVIDENCE, models=MODELS.iloc[:1]), "blend differ"),
        (replace(EVIDENCE, models=MODELS.assign(payload="altered")), "blend, ridge differ"),
    ],
)
def test_what_is_missing_stale_or_altered_refuses(evidence, says):
    with pytest.raises(PromotionRefused, match=says):
        promoted(evidence=evidence)


def test_criteria_judged_again_since_the_registration_refuse():
    again = PASSED.copy()
    again.loc[again["criterion"] == "max_drawdown", "value"] *= 0.5
    with pytest.raises(PromotionRefused, match="with other criteria"):
        promoted(evidence=replace(EVIDENCE, acceptance=again))


def test_a_refit_is_not_promoted():
    refit = recalibration_entry(
        B, DEC, PAYLOADS, RefitSource(dataset_version="d", members_hash="", inputs_hash=""), {}
    )
    registry = register_recalibrations(REGISTERED, [refit], NOW)
    with pytest.raises(PromotionRefused, match="decides through its base model"):
        promoted(registry, refit["model_id"])


def test_an_unknown_model_no_reason_and_a_second_crowning_are_refused():
    with pytest.raises(RegistryError, match="has 0 models"):
        promoted(model="fold-1999-01-0")
    with pytest.raises(RegistryError, match="needs a reason"):
        promote(REGISTERED, ID_B, EVIDENCE, seen_champion=None, reason="  ", change=LATER)
    with pytest.raises(RegistryError, match="is the champion already"):
        promoted(promoted(), seen=ID_B)


def test_promoting_archives_the_champion_before_and_there_is_one():
    found = promoted(promoted(), ID_A, seen=ID_B)
    assert stages(found) == {ID_A: "champion", ID_B: "archived"}
    assert causes(found)[-2:] == [(ID_B, "superseded"), (ID_A, "promoted")]


def test_of_two_promotions_at_once_one_wins_and_the_other_is_told():
    won = promoted(model=ID_A)
    with pytest.raises(RegistryError, match=f"it was none, now it is {ID_A} .somebody: goes live"):
        promoted(won, ID_B)


def test_rollback_returns_to_the_champion_before():
    found = back(promoted(promoted(), ID_A, seen=ID_B), ID_A)
    assert stages(found) == {ID_A: "archived", ID_B: "champion"}
    assert causes(found)[-2:] == [(ID_A, "rolled_back"), (ID_B, "rollback")]
    assert former_champion(found) is None  # A was taken off the history of reigns
    with pytest.raises(RegistryError, match="knows of none before"):
        back(found, ID_B)


def test_rollback_without_a_reign_before_with_lost_bytes_or_at_once_is_refused():
    with pytest.raises(RegistryError, match="knows of none before"):
        back(REGISTERED, None)
    found = promoted(promoted(), ID_A, seen=ID_B)
    with pytest.raises(RegistryError, match=r"cannot return: .* blend, ridge differ"):
        back(found, ID_A, MODELS.assign(payload="retrained"))
    with pytest.raises(RegistryError, match="somebody else changed the champion"):
        back(found, ID_B)


def test_an_archived_champion_can_be_promoted_again_through_the_criteria():
    found = promoted(promoted(promoted(), ID_A, seen=ID_B), ID_B, seen=ID_A)
    assert stages(found)[ID_B] == "champion"
    assert former_champion(found) == ID_A


def test_a_champion_whose_fold_was_trained_to_other_bytes_is_none_any_more():
    found = register_folds(promoted(), [A, entry(DEC, sha="ff")], LATER)
    assert stages(found)[ID_B] == "archived"
    assert found.champion is None
    assert causes(found).count((ID_B, "replaced")) == 1
