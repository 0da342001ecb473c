"""Settings of the live loop: freshness, shadow, recalibration.

Belongs here: numbers a person may set, each with its reason. Does not belong here: reading files or
the environment (:mod:`step3_assets.defs.settings` does that).
"""

from typing import Literal

from pydantic import Field, model_validator

from step3_assets.config.base import Frozen


class FreshnessConfig(Frozen):
    """How old a table may become before the UI warns; deliveries come weekly."""

    warn_days: float = Field(
        default=8.0, gt=0, description="A week, plus a day for a holiday or a late delivery."
    )
    fail_days: float = Field(default=15.0, gt=0, description="By then two deliveries are missing.")

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
        description="Name of the account that follows new deliveries. It keeps the execution, risk "
        "and allocation settings that it began with; to change them, begin an account with another "
        "name.",
    )
    use_recalibrations: bool = Field(
        default=False,
        description="Score a candidate with the calibrator, or the retrained models, in force in "
        "its week. Off by default, because parity with the backtest is exact only without them; "
        "table recalibration_comparison shows what they are worth.",
    )


class RecalibrationConfig(Frozen):
    """The weekly recalibration of the live loop: what is refitted, and how it is checked."""

    method: Literal["calibrator", "retrain"] = Field(
        default="calibrator",
        description="What is refitted each week: the calibrator alone, or every model. One more "
        "month in three years changes a fold's models little, so the cheaper one is the default.",
    )
    window_weeks: int = Field(
        default=104,
        ge=13,
        le=156,
        description="Weeks of decisions that the calibrator is fitted on: two years, the same span "
        "as the out-of-fold rows behind a fold's own calibrator. Retraining looks back as far as a "
        "fold does.",
    )
    min_rows: int = Field(
        default=500,
        ge=50,
        description="With fewer labels no calibrator is fitted; 500 are about 80 independent ones, "
        "and below the same number a fold has no model. Retraining uses models.min_train_rows.",
    )
    min_check_rows: int = Field(
        default=30,
        ge=1,
        description="Least number of labels, new to both sides, on which they are compared; with "
        "fewer, what is in force stays. A usual week of two symbols brings more. So few labels "
        "reveal a broken calibrator, but cannot rank two good ones.",
    )

    @property
    def is_retrained(self) -> bool:
        """Whether every model is refitted each week, not the calibrator alone."""
        return self.method == "retrain"
