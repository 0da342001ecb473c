"""Settings of the live loop: freshness, shadow, recalibration.

Belongs here: numbers a person may set, each with its reason. Does not belong here: reading files or
the environment (:mod:`step3_assets.defs.settings` does that).
"""

from typing import Literal

from pydantic import Field, model_validator

from step3_assets.config.base import Frozen


class FreshnessConfig(Frozen):
    """How old tables may grow before the UI says so; deliveries come weekly."""

    warn_days: float = Field(
        default=8.0, gt=0, description="A week, and a day for a holiday or a late delivery."
    )
    fail_days: float = Field(default=15.0, gt=0, description="Two deliveries are missing.")

    @model_validator(mode="after")
    def _warns_first(self) -> "FreshnessConfig":
        if self.warn_days >= self.fail_days:
            raise ValueError("warn_days must be less than fail_days")
        return self


class ShadowConfig(Frozen):
    """The shadow deployment."""

    live_account: str = Field(
        default="live",
        pattern=r"^[a-z][a-z0-9_-]{0,39}$",
        description="Name of the account that follows new deliveries. Its history follows from the "
        "execution, risk and allocation settings that it began with: under others, begin another.",
    )
    use_recalibrations: bool = Field(
        default=False,
        description="Score a candidate with the calibrator, or the retrained models, in force in "
        "its week. Off: parity with the backtest is exact without; what they are worth stands in "
        "recalibration_comparison.",
    )


class RecalibrationConfig(Frozen):
    """The weekly recalibration of the live loop: what a week makes anew, and the check."""

    @property
    def is_retrained(self) -> bool:
        """Whether a week makes every model anew, not the calibrator alone."""
        return self.method == "retrain"

    method: Literal["calibrator", "retrain"] = Field(
        default="calibrator",
        description="What a week makes anew: the calibrator, or every model. A month in three "
        "years moves a fold's models little, so the cheap one is the default.",
    )
    window_weeks: int = Field(
        default=104,
        ge=13,
        le=156,
        description="Decisions before the week: two years, as many as the out-of-fold rows that a "
        "fold's own calibrator is fitted on. Retraining looks back as far as a fold does.",
    )
    min_rows: int = Field(
        default=500,
        ge=50,
        description="With fewer labels (some 80 independent) no calibrator is fitted: the floor "
        "under which a fold has no model either. Retraining has models.min_train_rows.",
    )
    min_check_rows: int = Field(
        default=30,
        ge=1,
        description="Labels new to both that are compared, without which what is in force stays; "
        "a usual week of two symbols brings more. So few tell a broken calibrator from a sound "
        "one, not a good one from a better.",
    )
