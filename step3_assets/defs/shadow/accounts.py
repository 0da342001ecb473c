"""Shadow accounts in the store: reading, appending in one transaction, comparing with a backtest.

Belongs here: reading and writing the shadow's tables for its domain functions, and looking up the
model in force. Does not belong here: Dagster assets, scoring, the account
(:mod:`step3_assets.domain.shadow`).
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd

from step3_assets.config import Step3Config
from step3_assets.defs.registry.registry_store import change_now, read_registry, register_if_behind
from step3_assets.defs.settings import Settings
from step3_assets.defs.stored_inputs import ingested_months, settings_in_force
from step3_assets.domain.core.months import add_months, month_label
from step3_assets.domain.core.weeks import settings_month, week_of
from step3_assets.domain.live import comparison
from step3_assets.domain.models.text_format import ModelIntegrityError
from step3_assets.domain.portfolio.allocation import history_months
from step3_assets.domain.registry.entries import (
    FOLD,
    RECALIBRATION,
    RETRAIN,
    artefacts_hash,
    artefacts_of,
    model_id,
    stored_artefacts,
)
from step3_assets.domain.registry.errors import RegistryError
from step3_assets.domain.registry.in_force import model_in_force as find_in_force
from step3_assets.domain.registry.stages import CHAMPION
from step3_assets.domain.shadow.book import Account
from step3_assets.domain.shadow.parity import Parity, WalkedMonths, check_parity
from step3_assets.domain.shadow.step import (
    SHADOW_TABLES,
    Delivered,
    ModelInForce,
    RetrainedWeek,
    ShadowError,
    ShadowRows,
    StepResult,
    WeekCalibrator,
    process_delivery,
)
from step3_assets.storage.store import Store

ACTOR = "step3 shadow step"
_NAMES = [table.name for table in SHADOW_TABLES.values()]


def read_account(store: Store, name: str) -> ShadowRows:
    """Every stored row of an account, read in one transaction."""
    with store.transaction(_NAMES) as transaction:
        frames = (transaction.read(table) for table in _NAMES)
        return ShadowRows(*frames).of_account(name)


def account_named(stored: ShadowRows) -> Account:
    """The account that rows belong to.

    Raises
    ------
    ShadowError
        If it has processed no delivery yet.
    """
    if stored.deliveries.empty:
        raise ShadowError("this account has seen no delivery yet: run `step3 shadow step`")
    row = stored.deliveries.iloc[0]
    last = None if pd.isna(row["last_month"]) else row["last_month"]
    return Account(str(row["account"]), row["first_month"], last)


def append_step(store: Store, stored: ShadowRows, result: StepResult) -> bool:
    """Append all rows of a step in one transaction.

    Returns
    -------
    bool
        False if another process has appended to the account since `stored` was read. Nothing is
        appended then; read the account again.
    """
    taken = result.new.deliveries
    if taken.empty:
        return True
    name = taken["account"].iloc[0]
    with store.transaction(_NAMES) as transaction:
        now = transaction.read("shadow_deliveries")
        if int((now["account"] == name).sum()) != len(stored.deliveries):
            return False
        for table, frame in result.new.by_table().items():
            transaction.append(table, frame)
    return True


def take_delivery(
    store: Store,
    account: Account,
    delivered: Delivered,
    model_of: Callable[[date], ModelInForce],
    config: Step3Config,
) -> StepResult:
    """Process a delivery for an account and append its rows; repeating it adds nothing."""
    settings = _settings(store, account, delivered, config)
    while True:
        stored = read_account(store, account.name)
        result = process_delivery(account, stored, delivered, model_of, config, settings)
        if append_step(store, stored, result):
            return result


def _settings(
    store: Store, account: Account, delivered: Delivered, config: Step3Config
) -> Mapping[date, Step3Config]:
    """The settings of each month up to the delivery's last month."""
    months = account.months_until(max(delivered.bars["month"]))
    return settings_in_force(store, config, months)


def forget_account(store: Store, name: str) -> None:
    """Remove a replay's rows, so that it can be run again.

    Raises
    ------
    ShadowError
        If the account is not a replay: the rows of a live account are never removed.
    """
    if not name.startswith("replay:"):
        raise ShadowError(f"{name} is not a replay: a live account's rows are never removed")
    with store.transaction(_NAMES) as transaction:
        frames = {table: transaction.read(table) for table in _NAMES}
        transaction.replace_all({t: f[f["account"] != name] for t, f in frames.items()})


def stored_model(store: Store, config: Step3Config, month: date) -> ModelInForce | None:
    """The walk-forward's model of a month; None if the month was not trained."""
    models = store.read("calibrated_models", partitions=[month])
    if models.empty and store.read("folds", partitions=[month], columns=["month"]).empty:
        return None
    settings = settings_in_force(store, config, [month])[month]
    heads = stored_artefacts(models)
    name = model_id(FOLD, month, heads) if heads else f"fold-{month_label(month)}-untrained"
    return ModelInForce(name, models, settings)


def stored_models(
    store: Store, config: Step3Config, months: list[date]
) -> Mapping[date, ModelInForce]:
    """The walk-forward's models of those months that have one."""
    found = {month: stored_model(store, config, month) for month in months}
    return {month: model for month, model in found.items() if model is not None}


def walked_model(store: Store, config: Step3Config, month: date) -> ModelInForce:
    """The model that scores the candidates of a month in a replay: the walk-forward's model.

    Raises
    ------
    ShadowError
        If that month was not trained.
    """
    model = stored_model(store, config, month)
    if model is None:
        raise ShadowError(f"{month_label(month)} is not trained: `step3 run` first")
    return _with_weeks(store, model, month, config)


def model_in_force(store: Store, config: Step3Config, month: date) -> ModelInForce:
    """The model that scores a month's candidates in the live account, from the model registry.

    This is the champion. If there is no champion, or its fold is later than the month, it is the
    model of the newest fold that is not later than the month. If the month's own fold had too few
    labels to train, its candidates get no score, as in the backtest.

    Raises
    ------
    ShadowError
        If there is no model, the registry contradicts itself, or the model's bytes are not the
        registered ones. A candidate is scored only once, so it waits for the right model.
    """
    tables = read_registry(store)
    try:
        row = find_in_force(tables.models, tables.transitions, month)
    except RegistryError as error:
        raise ShadowError(f"the model registry names no model in force: {error}") from error
    if row is None or row["stage"] != CHAMPION:
        of_month = stored_model(store, config, month)
        if of_month is not None and of_month.models.empty:
            return of_month
    if row is None:
        raise ShadowError(
            f"no model is in force for {month_label(month)}: train that month first "
            "(`step3 run`, or job walk_forward)"
        )
    model = stored_model(store, config, row["period_start"])
    if model is None or stored_artefacts(model.models) != artefacts_of(row):
        raise ShadowError(
            f"{row['model_id']} is in force for {month_label(month)}, but calibrated_models holds "
            "other models of its fold: materialize model_registry"
        )
    return _with_weeks(store, model, month, config)


def _with_weeks(
    store: Store, model: ModelInForce, month: date, config: Step3Config
) -> ModelInForce:
    """The model with the calibrators or models of the month's weeks, if the settings say so.

    Raises
    ------
    ShadowError
        If a week uses models that are not stored or were altered.
    """
    if not config.shadow.use_recalibrations or model.models.empty:
        return model
    rows = store.read("recalibrations")
    is_based = rows["base_hash"] == artefacts_hash(stored_artefacts(model.models))
    meets = [week_of(month) <= week < add_months(month, 1) for week in rows["week"]]
    rows = rows[is_based & rows["in_force_week"].notna() & np.array(meets, dtype=bool)]
    is_retrained = rows["method"] == RETRAIN
    found: dict[date, WeekCalibrator | RetrainedWeek] = {
        row["week"]: WeekCalibrator(
            row["in_force_week"], row["as_of_utc"], row["in_force"], row["in_force_sha256"]
        )
        for row in rows[~is_retrained].to_dict("records")
    }
    return replace(model, weeks=found | _retrained(store, rows[is_retrained], config))


def _retrained(store: Store, rows: pd.DataFrame, config: Step3Config) -> dict[date, RetrainedWeek]:
    """The models of retrained weeks, by the week in which they are in force."""
    trained = sorted(set(rows["in_force_week"]))
    models = store.read("weekly_models", partitions=trained) if trained else pd.DataFrame()
    try:
        models_in_force = comparison.stored_models(rows, models, checked=True) if trained else {}
    except ModelIntegrityError as error:
        raise ShadowError(f"a week's models cannot score: {error}") from error
    months = {week: settings_month(week) for week in trained}
    settings = settings_in_force(store, config, sorted(set(months.values())))
    found = {}
    for row in rows[rows["week"].isin(models_in_force)].to_dict("records"):
        week = row["in_force_week"]
        of_week = models[models["week"] == week]
        name = model_id(RECALIBRATION, week, stored_artefacts(of_week))
        trained_with = settings[months[week]].models
        found[row["week"]] = RetrainedWeek(week, row["as_of_utc"], name, of_week, trained_with)
    return found


def step_live(store: Store, settings: Settings) -> StepResult:
    """Let the live account process the delivery in the store.

    The account starts in the month of the first delivery's last bar. Folds that are missing from
    the registry are registered first. The shadow therefore does not wait for the results, and a new
    month's model is in force from the month's first candidate.

    Raises
    ------
    ShadowError
        If nothing is ingested, no model is in force, or the delivery cannot be processed.
    """
    config = settings.config
    name = config.shadow.live_account
    months = [m for m in ingested_months(store, "bar_features") if m]
    if not months or not ingested_months(store, "events"):
        raise ShadowError("nothing is ingested yet: materialize events and bar_features first")
    stored = read_account(store, name)
    account = account_named(stored) if len(stored.deliveries) else Account(name, months[-1])
    delivered = _delivered(store, account, config)
    register_if_behind(store, settings, change_now(ACTOR))
    return take_delivery(
        store, account, delivered, lambda month: model_in_force(store, config, month), config
    )


def _delivered(store: Store, account: Account, config: Step3Config) -> Delivered:
    """The stored delivery, from the first month that the account needs."""
    before = add_months(account.first_month, -history_months(config.allocation))
    months = {
        table: [m for m in ingested_months(store, table) if m >= start]
        for table, start in (("events", account.first_month), ("bar_features", before))
    }
    return Delivered(
        store.read("events", partitions=months["events"]),
        store.read("bar_features", partitions=months["bar_features"]),
    )


def account_parity(store: Store, name: str, config: Step3Config) -> Parity:
    """Compare the stored account with the backtest of its months.

    Raises
    ------
    ShadowError
        If the account has processed no delivery, or has seen bars after the end of the stored one.
    """
    stored = read_account(store, name)
    account = account_named(stored)
    delivered = _delivered(store, account, config)
    seen = stored.deliveries["known_until_utc"].max()
    if delivered.bars.empty or delivered.arrival < seen:
        raise ShadowError(
            f"account {name} has seen bars to {seen}; the delivery in the store ends before that: "
            "ingest one that covers those bars"
        )
    months = sorted(set(delivered.events["month"]))
    scores = store.read("scores", partitions=months)
    walked = WalkedMonths(
        scores=scores,
        events=delivered.events,
        bars=delivered.bars,
        models=stored_models(store, config, months),
        settings=_settings(store, account, delivered, config),
    )
    return check_parity(account, stored, walked, config)
