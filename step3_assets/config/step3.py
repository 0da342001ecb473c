"""All settings that decide a result, in one frozen model.

Belongs here: the tree of settings. Does not belong here: a single setting.
"""

from pydantic import model_validator

from step3_assets.config.base import Frozen
from step3_assets.config.evaluation import (
    AcceptanceConfig,
    AuditConfig,
    DriftConfig,
    StatisticsConfig,
)
from step3_assets.config.live import RecalibrationConfig, ShadowConfig
from step3_assets.config.models import FoldConfig, ModelConfig
from step3_assets.config.search import SearchConfig
from step3_assets.config.trading import (
    AllocationConfig,
    ExecutionConfig,
    GateConfig,
    RiskConfig,
    SizingConfig,
)


class Step3Config(Frozen):
    """The whole platform."""

    folds: FoldConfig = FoldConfig()
    models: ModelConfig = ModelConfig()
    gate: GateConfig = GateConfig()
    execution: ExecutionConfig = ExecutionConfig()
    sizing: SizingConfig = SizingConfig()
    risk: RiskConfig = RiskConfig()
    allocation: AllocationConfig = AllocationConfig()
    statistics: StatisticsConfig = StatisticsConfig()
    audit: AuditConfig = AuditConfig()
    acceptance: AcceptanceConfig = AcceptanceConfig()
    search: SearchConfig = SearchConfig()
    drift: DriftConfig = DriftConfig()
    shadow: ShadowConfig = ShadowConfig()
    recalibration: RecalibrationConfig = RecalibrationConfig()

    @model_validator(mode="after")
    def _inner_folds_fit(self) -> "Step3Config":
        if self.folds.inner_min_train_months >= self.folds.train_months:
            raise ValueError("folds.inner_min_train_months must be below folds.train_months")
        return self
