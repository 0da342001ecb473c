"""Configuration: frozen models with their defaults and the reason for each.

Belongs here: one place to import settings from; the models are defined in the modules beside it.
Does not belong here: reading files or the environment (:mod:`step3_assets.defs.settings` does
that), or partitions.

No default was picked by looking at results on the test months of a real delivery; where a default
was chosen by measurement, it was measured on synthetic worlds or on inner folds.
"""

from step3_assets.config.base import Frozen
from step3_assets.config.compute import ComputeConfig, TlsConfig
from step3_assets.config.evaluation import (
    AcceptanceConfig,
    AuditConfig,
    DriftConfig,
    StatisticsConfig,
)
from step3_assets.config.live import FreshnessConfig, RecalibrationConfig, ShadowConfig
from step3_assets.config.models import (
    FAST_FEATURES,
    BlendConfig,
    CalibrationConfig,
    DriftHeadConfig,
    FoldConfig,
    LightGBMConfig,
    LinearConfig,
    ModelConfig,
)
from step3_assets.config.notify import EmailConfig, NotifyConfig, WebhookConfig
from step3_assets.config.search import SearchConfig, SearchRange, SearchSpace
from step3_assets.config.step3 import Step3Config
from step3_assets.config.trading import (
    AllocationConfig,
    ExecutionConfig,
    GateConfig,
    RiskConfig,
    SizingConfig,
)

__all__ = [
    "FAST_FEATURES",
    "AcceptanceConfig",
    "AllocationConfig",
    "AuditConfig",
    "BlendConfig",
    "CalibrationConfig",
    "ComputeConfig",
    "DriftConfig",
    "DriftHeadConfig",
    "EmailConfig",
    "ExecutionConfig",
    "FoldConfig",
    "FreshnessConfig",
    "Frozen",
    "GateConfig",
    "LightGBMConfig",
    "LinearConfig",
    "ModelConfig",
    "NotifyConfig",
    "RecalibrationConfig",
    "RiskConfig",
    "SearchConfig",
    "SearchRange",
    "SearchSpace",
    "ShadowConfig",
    "SizingConfig",
    "StatisticsConfig",
    "Step3Config",
    "TlsConfig",
    "WebhookConfig",
]
