"""The criterion ``folds_without_models``: every month has every model."""

from datetime import date

from step3_assets.config import Step3Config
from step3_assets.domain.acceptance.criterion import Criterion
from step3_assets.domain.models.heads import head_names
from step3_assets.domain.portfolio.stored_metrics import (
    Finding,
    Tables,
    months_of_period,
    named_months,
    table_of,
)

REQUIRED_HEADS = head_names()


def _find(tables: Tables, _config: Step3Config) -> Finding:
    months = months_of_period(tables)
    metrics, scores = table_of(tables, "model_metrics"), table_of(tables, "scores")
    have = metrics[metrics["value"].notna()]
    heads: dict[date, set[str]] = {}
    for month, head in zip(have["month"], have["head"], strict=True):
        heads.setdefault(month, set()).add(head)
    bare = {m for m in months if not set(REQUIRED_HEADS) <= heads.get(m, set())}
    bare |= set(scores.loc[scores["gate_reason"] == "no_model", "month"])
    sentence = f"All {len(REQUIRED_HEADS)} heads were trained in each of {len(months)} folds."
    if bare:
        sentence = f"No model, or not every head, in {named_months(bare)}."
    return Finding(float(len(bare)), 0.0, sentence)


CRITERION = Criterion(
    name="folds_without_models",
    label="Folds without models",
    position=60,
    comparison="==",
    number="tally",
    asks="every month has every head, and no event was scored without a model",
    find=_find,
)
