"""Registries by hand: entries of made-up folds, and the changes that led to them.

Belongs here: what several registry tests share. Does not belong here: a rule.
"""

from datetime import UTC, date, datetime
from typing import Any

from step3_assets.catalogue.registry import MODEL_REGISTRY
from step3_assets.domain.registry.entries import model_id
from step3_assets.domain.registry.stages import Change, Registry, register_folds

OCT, NOV, DEC = (date(2023, month, 1) for month in (10, 11, 12))
NOW = Change("test", datetime(2024, 1, 2, 9, 30, tzinfo=UTC))
LATER = Change("somebody", datetime(2024, 1, 3, 9, 30, tzinfo=UTC))


def entry(month: date, sha: str = "aa") -> dict[str, Any]:
    """A fold's entry whose artefacts have made-up hashes."""
    artefacts = {"ridge": sha, "blend": "bb"}
    text = {
        name: "x" for name in MODEL_REGISTRY.names if MODEL_REGISTRY.by_name[name].dtype != "DATE"
    }
    return {
        **{name: value for name, value in text.items() if name != "stage"},
        "model_id": model_id("fold", month, artefacts),
        "kind": "fold",
        "period_start": month,
        "base_model_id": None,
        "artefacts": f'{{"blend":"bb","ridge":"{sha}"}}',
    }


def registry_of(*entries: dict[str, Any]) -> Registry:
    """These entries, registered once."""
    return register_folds(Registry.empty(), entries, NOW)


def stages(registry: Registry) -> dict[str, str]:
    """Where each model stands."""
    models = registry.models
    return dict(zip(models["model_id"], models["stage"], strict=True))


def causes(registry: Registry) -> list[tuple[str, str]]:
    """The history: which model, and what moved it."""
    history = registry.transitions
    return list(zip(history["model_id"], history["cause"], strict=True))
