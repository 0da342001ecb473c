"""A small market that arrives: bars, the builder's deliveries of any instant, decisions on them.

Belongs here: what the shadow's tests share. Does not belong here: expectations.
"""

from collections.abc import Callable
from datetime import date
from functools import cache

import pandas as pd

from step3_assets.catalogue.decisions import SCORES
from step3_assets.config import Step3Config
from step3_assets.domain.core.canonical import canonical_frame
from step3_assets.domain.core.months import month_range
from step3_assets.domain.decisions.decide import DecisionSettings
from step3_assets.domain.decisions.scoring import score_fold
from step3_assets.domain.shadow.book import Account
from step3_assets.domain.shadow.playback import Playback
from step3_assets.domain.shadow.step import (
    Delivered,
    ModelInForce,
    ShadowRows,
    StepResult,
    process_delivery,
)
from step3_assets_tests.domain.models.training_frames import (
    QUICK,
    make_fold,
    make_market,
    train_events,
)
from step3_assets_tests.domain.step2.small_bars import SHORT, random_bars

FIRST, LAST = date(2023, 7, 1), date(2023, 9, 1)
ACCOUNT = Account("replay:2023-07..2023-09", FIRST, LAST)
MONTHS = month_range(FIRST, LAST)


@cache
def playback() -> Playback:
    """Five months of two symbols, random walks on the exchange's sessions."""
    span = date(2023, 5, 15), date(2023, 10, 20)
    bars = {"AAA": random_bars(1, *span), "BBB": random_bars(2, *span)}
    return Playback(bars, SHORT, {"AAA": "BBB", "BBB": "AAA"})


@cache
def delivered(as_of: pd.Timestamp) -> Delivered:
    """The delivery of an instant."""
    return playback().delivery(as_of)


@cache
def everything() -> Delivered:
    """The delivery of all bars."""
    return delivered(pd.Timestamp("2023-10-21", tz="UTC"))


def eager_config() -> Step3Config:
    """Settings under which about half of all candidates pass the gate, and every rule may bind."""
    config = Step3Config()
    blend = config.models.blend.model_copy(
        update={"open_at_evidence": 1e-300, "prior_mean_share": 0.0, "prior_strength": 1e6}
    )
    models = QUICK.model_copy(update={"ev_struct": "barrier", "blend": blend})
    return config.model_copy(
        update={
            "models": models,
            "gate": config.gate.model_copy(update={"phi": 11.0, "k": 0.0}),
            "sizing": config.sizing.model_copy(update={"method": "vol_capped"}),
            "risk": config.risk.model_copy(
                update={"session_loss_frac": 0.003, "cooldown_bars": 1, "max_turnover_per_day": 3.0}
            ),
        }
    )


CONFIG = eager_config()


@cache
def heads() -> pd.DataFrame:
    """Models of some fold of another market: what they know does not matter here."""
    events, bars = make_market(seed=3)
    return train_events(events, make_fold(events, bars), CONFIG.models).models


def model_of(month: date) -> ModelInForce:
    """The model in force: the same heads each month, under the month's name."""
    return ModelInForce(f"fold {month:%Y-%m}", heads().assign(month=month), CONFIG)


def scores_of(events: pd.DataFrame, months: list[date] = MONTHS) -> pd.DataFrame:
    """Table ``scores`` of the months, as the walk-forward would hold it."""
    parts = [
        score_fold(
            model_of(month).models,
            events,
            month,
            CONFIG.models,
            DecisionSettings.of(CONFIG),
        )
        for month in months
    ]
    return canonical_frame(pd.concat(parts), SCORES)


def see(
    stored: ShadowRows,
    as_of: pd.Timestamp,
    model: Callable[[date], ModelInForce] = model_of,
) -> tuple[ShadowRows, StepResult]:
    """The account's rows after one more arrival, and what it came to."""
    result = process_delivery(ACCOUNT, stored, delivered(as_of), model, CONFIG)
    return stored.plus(result.new), result


def play(instants: list[pd.Timestamp]) -> ShadowRows:
    """The account's rows after a step at each of these instants, none with a contradiction."""
    stored = ShadowRows.none()
    for as_of in instants:
        stored, result = see(stored, as_of)
        assert result.contradictions == []
    return stored
