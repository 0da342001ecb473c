"""The replay: runs months of history week by week through a separate shadow account.

Belongs here: the loop over weekly steps, one transaction each, and resuming it after a stop. Does
not belong here: the rows that a step adds, the comparison at the end.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

import pandas as pd

from step3_assets.config import Step3Config
from step3_assets.defs.resources import ProgressResource
from step3_assets.defs.results.audit_inputs import delivery_knobs
from step3_assets.defs.settings import Settings
from step3_assets.defs.shadow.accounts import (
    forget_account,
    read_account,
    stored_model,
    take_delivery,
    walked_model,
)
from step3_assets.defs.stored_inputs import settings_in_force
from step3_assets.domain.core.months import add_months, month_label
from step3_assets.domain.folds.build import LOOK_BACK_MONTHS
from step3_assets.domain.shadow.book import Account
from step3_assets.domain.shadow.playback import Playback, weekly_closes
from step3_assets.domain.shadow.step import Delivered, ModelInForce, ShadowError
from step3_assets.domain.step2.bars import read_bars
from step3_assets.domain.walk_forward.month_steps import (
    FoldInputs,
    TrainingInputs,
    training_rows,
    training_step,
)
from step3_assets.storage.store import Store


def replay_account(first: date, last: date) -> Account:
    """The account of a replay.

    Examples
    --------
    >>> replay_account(date(2023, 1, 1), date(2023, 6, 1)).name
    'replay:2023-01..2023-06'
    """
    return Account(f"replay:{month_label(first)}..{month_label(last)}", first, last)


@dataclass(frozen=True)
class ReplayRequest:
    """What to replay.

    Attributes
    ----------
    account : Account
    bars_dir : Path
        Bars from which the stored delivery was built.
    is_retrained : bool
        Train the models of each month from the delivery that brings its first candidates, instead
        of using the stored models.
    is_fresh : bool
        Remove an earlier replay of these months first.
    """

    account: Account
    bars_dir: Path
    is_retrained: bool = False
    is_fresh: bool = False


def replay(
    store: Store,
    settings: Settings,
    request: ReplayRequest,
    progress: ProgressResource,
    *,
    on_step: Callable[[pd.Timestamp], None] | None = None,
) -> list[str]:
    """Replay the months of an account from bars; weeks that were processed before are skipped.

    Parameters
    ----------
    store : Store
    settings : Settings
    request : ReplayRequest
    progress : ProgressResource
    on_step : callable, optional
        Called after each step is stored, with the time of the step.

    Returns
    -------
    list of str
        Contradictions found in any step.

    Raises
    ------
    ShadowError
        If months of the account are not trained and scored, or the folder has no bars for them.
    """
    config, account, bars_dir = settings.config, request.account, request.bars_dir
    assert account.last_month is not None
    _require_scored(store, config, account)
    if request.is_fresh:
        forget_account(store, account.name)
    playback = Playback(read_bars(bars_dir), delivery_knobs(settings.delivery), _partners(store))
    closes = weekly_closes(account.first_month, account.last_month)
    ahead = [close for close in closes if playback.has_bars_until(close)]
    if not ahead:
        raise ShadowError(f"{bars_dir}: no bars in {account.name}")
    taken = read_account(store, account.name).deliveries["arrival_utc"]
    found: list[str] = []
    retrained: dict[date, ModelInForce] = {}
    with progress.track("weeks", len(ahead)) as advance:
        for close in ahead:
            if len(taken) and close <= taken.max():
                advance(1)
                continue
            delivered = playback.delivery(close)
            model_of = (
                _trained_on(delivered, store, config, retrained)
                if request.is_retrained
                else cache(lambda month: walked_model(store, config, month))
            )
            result = take_delivery(store, account, delivered, model_of, config)
            found += [text for text in result.contradictions if text not in found]
            if on_step is not None:
                on_step(close)
            advance(1)
    return found


def _require_scored(store: Store, config: Step3Config, account: Account) -> None:
    assert account.last_month is not None
    month, scored = account.first_month, set(store.partitions("scores"))
    missing = []
    while month <= account.last_month:
        if month not in scored or stored_model(store, config, month) is None:
            missing.append(month_label(month))
        month = add_months(month, 1)
    if missing:
        raise ShadowError(
            f"{account.name}: {', '.join(missing[:6])} not trained and scored yet: "
            f"`step3 run --from {missing[0]} --to {missing[-1]}` first"
        )


def _partners(store: Store) -> Mapping[str, str]:
    """Each symbol's other symbol in the stored delivery; symbols without one are left out."""
    pairs = store.read("events", columns=["symbol", "cross_symbol"]).drop_duplicates()
    known = pairs[pairs["cross_symbol"].isin(pairs["symbol"])]
    return dict(zip(known["symbol"], known["cross_symbol"], strict=True))


def _trained_on(
    delivered: Delivered,
    store: Store,
    config: Step3Config,
    known: dict[date, ModelInForce],
) -> Callable[[date], ModelInForce]:
    """``model_of(month)``: models trained from this delivery; each month is trained once."""

    def model_of(month: date) -> ModelInForce:
        if month not in known:
            settings = settings_in_force(store, config, [month])[month]
            first = add_months(month, -LOOK_BACK_MONTHS)
            events, bars = (
                f[(f["month"] >= first) & (f["month"] <= month)]
                for f in (delivered.events, delivered.bars)
            )
            rows = training_rows(
                FoldInputs(events=events, bars=bars, month=month, config=settings.folds)
            )
            training = TrainingInputs(rows=rows, config=settings.models)
            models = training_step(training)["calibrated_models"]
            name = f"retrained {month_label(month)}"
            known[month] = ModelInForce(name, models, settings)
        return known[month]

    return model_of
