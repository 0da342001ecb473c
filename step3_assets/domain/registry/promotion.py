"""Promotion and rollback: the two changes of stage that a person requests.

Belongs here: the conditions of a promotion, and rolling one back. Does not belong here:
reading the evidence from the store, the changes that follow by themselves
(:mod:`step3_assets.domain.registry.stages`).

Fail closed: a criterion, a check, a version or an artefact that is missing counts as failed, and a
refusal names everything that failed.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from step3_assets.domain.acceptance.verdict import caveats, failed_criteria
from step3_assets.domain.audit.run import failed_checks
from step3_assets.domain.registry.entries import (
    FOLD,
    NOT_IN_FORCE,
    acceptance_json,
    artefacts_of,
    payload_artefacts,
    to_json,
)
from step3_assets.domain.registry.errors import RegistryError
from step3_assets.domain.registry.evidence import ResultVersion
from step3_assets.domain.registry.in_force import history_disagreements
from step3_assets.domain.registry.stages import (
    ARCHIVED,
    CHAMPION,
    Change,
    Registry,
    StageBook,
    follow_from,
)


class PromotionRefused(RegistryError):
    """The requested change is refused; ``problems`` holds every reason."""

    def __init__(self, model_id: str, problems: list[str]) -> None:
        self.problems = problems
        listed = "\n".join(f"  - {problem}" for problem in problems)
        super().__init__(f"{model_id} is not promoted:\n{listed}")


@dataclass(frozen=True)
class Evidence:
    """What the store holds at the moment of a promotion.

    Parameters
    ----------
    acceptance : DataFrame
        Table ``acceptance``, computed from the stored results at that moment.
    audit, result_versions : DataFrame
        Tables of these names.
    current : ResultVersion
        Of what is stored and set now.
    models : DataFrame
        ``head, payload`` of table ``calibrated_models``, of the model's month.
    problems : tuple of str
        Stored rows that are not as they were written, or not what is computed from the others.
    """

    acceptance: pd.DataFrame
    audit: pd.DataFrame
    result_versions: pd.DataFrame
    current: ResultVersion
    models: pd.DataFrame
    problems: tuple[str, ...] = ()


def promote(
    registry: Registry,
    model_id: str,
    evidence: Evidence,
    *,
    seen_champion: str | None,
    reason: str,
    change: Change,
) -> Registry:
    """Make a model the champion; the one before it is archived.

    Parameters
    ----------
    registry : Registry
    model_id : str
    evidence : Evidence
    seen_champion : str or None
        The champion when the person decided; a promotion is refused if it has changed since.
    reason : str
    change : Change

    Raises
    ------
    PromotionRefused
        Naming each criterion and check that failed, and whatever else does not hold.
    RegistryError
        If there is no such model, it is the champion already, no reason is given, or another
        champion was made meanwhile.
    """
    row = registry.row(model_id)
    champion = _champion_as_seen(registry, seen_champion, reason)
    if champion is not None and champion["model_id"] == model_id:
        raise RegistryError(f"{model_id} is the champion already")
    problems = promotion_problems(row, evidence)
    if problems:
        raise PromotionRefused(model_id, problems)
    book = StageBook(registry, change)
    if champion is not None:
        words = f"{model_id} was promoted: {reason}"
        book.move(champion["model_id"], ARCHIVED, "superseded", words)
    book.move(model_id, CHAMPION, "promoted", reason, _evidence_json(row, evidence))
    return follow_from(book)


def promotion_problems(row: Mapping[str, Any], evidence: Evidence) -> list[str]:
    """Every reason why a model may not be promoted; empty when there is none."""
    refuse_refit(row)
    problems = [*evidence.problems, *_state_problems(row, evidence)]
    problems += artefact_problems(row, evidence.models)
    for result in ("acceptance", "audit"):
        problems += evidence.current.staleness(evidence.result_versions, result)
    sentences = _sentences(evidence.acceptance, "criterion")
    for name in failed_criteria(evidence.acceptance):
        problems.append(f"criterion {name} failed: {sentences.get(name, 'it was not evaluated')}")
    sentences = _sentences(evidence.audit, "check")
    for check in failed_checks(evidence.audit):
        problems.append(f"audit check {check} failed: {sentences.get(check, 'it was not run')}")
    return problems


def _sentences(results: pd.DataFrame, name: str) -> dict[str, str]:
    """The evidence of each criterion or check by its name."""
    return dict(zip(results[name], results["evidence"], strict=True))


def refuse_refit(row: Mapping[str, Any]) -> None:
    """Refuse a week's recalibration: the criteria evaluate folds, not refits.

    Raises
    ------
    PromotionRefused
        If the model is no fold's.
    """
    if row["kind"] != FOLD:
        words = f"a {row['kind']} is not promoted: it decides through its base model"
        raise PromotionRefused(row["model_id"], [words])


def _state_problems(row: Mapping[str, Any], evidence: Evidence) -> list[str]:
    """What was registered is what is in force."""
    problems = []
    if row["dataset_version"] != evidence.current.dataset_version:
        problems.append(
            f"it was registered with delivery {row['dataset_version']}, in force is "
            f"{evidence.current.dataset_version}"
        )
    if row["parameters_source"] == NOT_IN_FORCE:
        problems.append("it was trained with other settings than those in force")
    if row["criteria"] != acceptance_json(evidence.acceptance):
        problems.append("it was registered with other criteria than those now stored")
    return problems


def artefact_problems(row: Mapping[str, Any], models: pd.DataFrame) -> list[str]:
    """Where a model's stored payloads are not those that were registered.

    Parameters
    ----------
    row : mapping
        Row of ``model_registry``.
    models : DataFrame
        ``head, payload`` of table ``calibrated_models``, of the model's month.
    """
    stored = payload_artefacts(dict(zip(models["head"], models["payload"], strict=True)))
    recorded = artefacts_of(row)
    names = sorted(set(stored) | set(recorded))
    differ = [name for name in names if stored.get(name) != recorded.get(name)]
    if not differ:
        return []
    return [f"its stored models are not those registered: {', '.join(differ)} differ"]


def rollback(
    registry: Registry,
    models: pd.DataFrame,
    *,
    seen_champion: str | None,
    reason: str,
    change: Change,
) -> Registry:
    """Return to the champion before the present one.

    No criterion is asked: it passed them when it was promoted, and the way back must be open on the
    day when none would pass. Its bytes must still be the registered ones.

    Parameters
    ----------
    registry : Registry
    models : DataFrame
        ``head, payload`` of table ``calibrated_models``, of the former champion's month.
    seen_champion : str or None
        As in :func:`promote`.
    reason : str
    change : Change

    Raises
    ------
    RegistryError
        If there is no former champion, its bytes are gone, no reason is given, or another champion
        was made meanwhile.
    """
    champion = _champion_as_seen(registry, seen_champion, reason)
    former = former_champion(registry)
    if former is None:
        raise RegistryError("there is no champion to return to: the history knows of none before")
    problems = artefact_problems(registry.row(former), models)
    if problems:
        raise RegistryError(f"{former} cannot return: {problems[0]}")
    book = StageBook(registry, change)
    if champion is not None:
        words = f"Back to {former}: {reason}"
        book.move(champion["model_id"], ARCHIVED, "rolled_back", words)
    book.move(former, CHAMPION, "rollback", reason)
    return follow_from(book)


def former_champion(registry: Registry) -> str | None:
    """The champion before the last one, by the history; a rollback takes the last one off it."""
    reigns: list[str] = []
    for row in registry.transitions.sort_values("position").to_dict("records"):
        if row["cause"] == "promoted":
            reigns.append(row["model_id"])
        elif row["cause"] == "rollback":
            while reigns and reigns[-1] != row["model_id"]:
                reigns.pop()
    return reigns[-2] if len(reigns) > 1 else None


def _champion_as_seen(registry: Registry, seen: str | None, reason: str) -> dict[str, Any] | None:
    if not reason.strip():
        raise RegistryError("a change of champion needs a reason")
    disagreements = history_disagreements(registry.models, registry.transitions)
    if disagreements:
        raise RegistryError(f"the registry contradicts its history: {disagreements[0]}")
    champion = registry.champion
    found = champion["model_id"] if champion else None
    if found != seen:
        last = registry.transitions.sort_values("position").iloc[-1]
        raise RegistryError(
            f"somebody else changed the champion meanwhile: it was {seen or 'none'}, now it is "
            f"{found or 'none'} ({last['actor']}: {last['reason']}); look again and decide again"
        )
    return champion


def _evidence_json(row: Mapping[str, Any], evidence: Evidence) -> str:
    checks = evidence.audit.sort_values("position")
    return to_json(
        {
            "dataset_version": evidence.current.dataset_version,
            "config_hash": evidence.current.config_hash,
            "models_hash": evidence.current.models_hash,
            "code_version": row["code_version"],
            "caveats": caveats(evidence.acceptance),
            "criteria": json.loads(acceptance_json(evidence.acceptance)),
            "audit": list(checks["check"]),
        }
    )
