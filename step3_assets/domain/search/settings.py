"""Settings that a search may replace, and the settings in force for each test month.

Belongs here: which sections of the configuration are searched, writing and reading them. Does not
belong here: trials (:mod:`.epoch_search`), Optuna.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import pandas as pd

from step3_assets.config import (
    AllocationConfig,
    Frozen,
    GateConfig,
    ModelConfig,
    RiskConfig,
    SizingConfig,
    Step3Config,
)
from step3_assets.domain.core.months import month_label
from step3_assets.domain.search.epochs import epoch_of


class SearchedSections(Frozen):
    """The sections of the configuration that a search may replace; None keeps the base's."""

    models: ModelConfig | None = None
    gate: GateConfig | None = None
    sizing: SizingConfig | None = None
    size_frac: float | None = None
    risk: RiskConfig | None = None
    allocation: AllocationConfig | None = None

    @classmethod
    def of(cls, config: Step3Config) -> "SearchedSections":
        """Every searched section of a configuration."""
        return cls(
            models=config.models,
            gate=config.gate,
            sizing=config.sizing,
            size_frac=config.execution.size_frac,
            risk=config.risk,
            allocation=config.allocation,
        )


def with_sections(base: Step3Config, sections: SearchedSections) -> Step3Config:
    """The configuration with the sections that are not None in place of its own."""
    update = {name: getattr(sections, name) for name in sections.model_fields_set}
    update = {name: section for name, section in update.items() if section is not None}
    if "size_frac" in update:
        size_frac = update.pop("size_frac")
        update["execution"] = base.execution.model_copy(update={"size_frac": size_frac})
    return base.model_copy(update=update)


def trading_hash(config: Step3Config) -> str:
    """Hash of all settings that a test month's trades depend on, 16 hex digits."""
    parts = (
        config.folds,
        config.models,
        config.gate,
        config.sizing,
        config.execution,
        config.risk,
        config.allocation,
    )
    return short_hash(*(part.content_hash() for part in parts))


def short_hash(*parts: object) -> str:
    """SHA-256 over the parts as JSON, first 16 hex digits."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def settings_by_month(
    base: Step3Config, tuned_params: pd.DataFrame, months: Sequence[date]
) -> Mapping[date, Step3Config]:
    """The configuration of each test month: of its epoch if that was searched, else the base.

    Parameters
    ----------
    base : Step3Config
        Nothing is replaced unless ``base.search.is_enabled``.
    tuned_params : DataFrame
        Table ``tuned_params``.
    months : sequence of date

    Raises
    ------
    ValueError
        If an epoch was searched from other settings than `base`, or its stored settings do not
        match the hash that is stored with them.
    """
    if not base.search.is_enabled:
        return dict.fromkeys(months, base)
    rows = tuned_params.set_index("epoch").to_dict("index")
    wanted = {epoch_of(month, base.search.epoch_months) for month in months}
    by_epoch = {epoch: _tuned(base, epoch, rows[epoch]) for epoch in wanted if epoch in rows}
    return {m: by_epoch.get(epoch_of(m, base.search.epoch_months), base) for m in months}


def _tuned(base: Step3Config, epoch: date, row: Mapping[Any, Any]) -> Step3Config:
    if row["base_hash"] != trading_hash(base):
        raise ValueError(
            f"tuned_params: epoch {month_label(epoch)} was searched from other settings than "
            "those of step3.toml; run step3 optuna-search again"
        )
    config = with_sections(base, SearchedSections.model_validate(json.loads(row["settings"])))
    if trading_hash(config) != row["config_hash"]:
        raise ValueError(f"tuned_params: the settings of epoch {month_label(epoch)} were altered")
    return config
