"""The shadow on an installation: live steps, an interrupted replay, planted faults."""

import shutil
from datetime import date
from pathlib import Path

import dagster as dg
import pandas as pd
import pytest

from step3_assets.catalogue.live import RECALIBRATIONS
from step3_assets.defs.registry.registry_store import (
    REGISTRY_TABLES,
    change_now,
    put_registry,
    read_registry,
    register_if_behind,
)
from step3_assets.defs.resources import ProgressResource
from step3_assets.defs.settings import load_settings
from step3_assets.defs.shadow import checks as shadow_checks
from step3_assets.defs.shadow.accounts import (
    account_parity,
    forget_account,
    model_in_force,
    read_account,
    step_live,
    take_delivery,
)
from step3_assets.defs.shadow.replay import ReplayRequest, replay, replay_account
from step3_assets.domain.core.hashing import frame_hash
from step3_assets.domain.core.weeks import week_range
from step3_assets.domain.registry.entries import artefacts_hash
from step3_assets.domain.registry.stages import StageBook, follow_from, standing_fold
from step3_assets.domain.shadow.step import SHADOW_TABLES, ShadowError
from step3_assets.domain.step2.build import build_delivery
from step3_assets.domain.step2.knobs import Step2Config
from step3_assets.domain.step2.write import write_delivery
from step3_assets.storage.transaction import Transaction
from step3_assets_tests.defs.installation import TOML, Installation, failure_text
from step3_assets_tests.domain.step2.small_bars import random_bars
from step3_assets_tests.storage.rows import rows_of

MONTH = date(2023, 7, 1)
ACCOUNT = replay_account(MONTH, MONTH)
HALF_WAY = pd.Timestamp("2023-07-14 20:00", tz="UTC")
EAGER = (  # models without an edge that trade all the same
    TOML.replace("min_train_rows = 50", 'min_train_rows = 50\nev_struct = "barrier"')
    + "[config.models.blend]\nopen_at_evidence = 1e-300\n"
    + "prior_mean_share = 0\nprior_strength = 1000000\n"
)


class Eager(Installation):
    """An installation whose gate lets much through."""

    def point_to(self, delivery: Path) -> None:
        """Set the delivery."""
        self.home.mkdir(parents=True, exist_ok=True)
        (self.home / "step3.toml").write_text(EAGER.format(delivery=delivery))

    def take(self, delivery: Path, first: date, last: date) -> dg.ExecuteInProcessResult:
        """Ingest a delivery, walk forward, and let the shadow take it."""
        self.point_to(delivery)
        for job, start, end in (("ingest", first, last), ("walk_forward", MONTH, MONTH)):
            result = self.run(job, start, end)
            assert result.success, failure_text(result)
        return self.run("shadow")


@pytest.fixture(scope="module")
def bars_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bars")
    for seed, symbol in enumerate(("aaa", "bbb")):
        bars = random_bars(seed, date(2021, 6, 1), date(2023, 7, 28), drift=5e-4)
        bars.to_parquet(folder / f"{symbol}.parquet", index=False)
    return folder


@pytest.fixture(scope="module")
def taken(tmp_path_factory: pytest.TempPathFactory, bars_dir: Path):
    """The installation after two live steps, and the results of their runs."""
    folder = tmp_path_factory.mktemp("shadow")
    bars = {p.stem.upper(): pd.read_parquet(p) for p in bars_dir.glob("*.parquet")}
    deliveries = []
    for name, as_of in (("half", HALF_WAY), ("whole", None)):
        built = build_delivery(bars, Step2Config(), as_of=as_of, emit_pending=True)
        write_delivery(built, folder / name)
        deliveries.append(folder / name)
    place = Eager(folder / "home", deliveries[0])
    first = place.take(deliveries[0], date(2021, 6, 1), MONTH)
    assert first.success, failure_text(first)
    before = read_account(place.store, "live")
    second = place.take(deliveries[1], MONTH, MONTH)
    return place, before, first, second


def passed(result: dg.ExecuteInProcessResult) -> dict[str, bool]:
    return {e.check_name: e.passed for e in result.get_asset_check_evaluations()}


def test_the_live_account_follows_deliveries_and_equals_the_backtest(taken):
    place, before, first, second = taken
    assert second.success, failure_text(second)
    assert passed(first) == passed(second) == dict.fromkeys(passed(first), True)
    assert {"schema", "append_only", "seen_in_time", "contradictions", "parity"} == set(
        passed(first)
    )
    stored = read_account(place.store, "live")
    assert stored.deliveries["known_until_utc"].iloc[0] == HALF_WAY
    assert len(stored.deliveries) == 2
    assert stored.deliveries["first_month"].iloc[0] == MONTH
    seen = stored.decisions[stored.decisions["arrival"] == 1].reset_index(drop=True)
    pd.testing.assert_frame_equal(seen, before.decisions, check_exact=True)
    parity = account_parity(place.store, "live", load_settings(place.home).config)
    assert parity.is_exact, parity.differences["text"].tolist()
    figures = parity.metrics.set_index("metric")["shadow"].to_dict()
    assert figures["trades closed"] > 5


def test_metadata_answers_without_a_notebook(taken):
    _, _, _, second = taken
    events = {
        m.asset_key.to_user_string(): m.metadata
        for m in second.get_asset_materialization_events()
        for m in [m.step_materialization_data.materialization]
    }
    assert events["shadow_decisions"]["scored now"].value > 0
    assert events["shadow_fills"]["P&L (USD)"].value != 0
    assert "data:image/png" in events["shadow_positions"]["equity"].value
    assert events["shadow_positions"]["open positions"].value >= 0


def test_the_same_delivery_twice_adds_nothing(taken):
    place, *_ = taken
    before = place.store.table_hashes()
    step_live(place.store, load_settings(place.home))
    assert place.store.table_hashes() == before


def hashes(place: Installation) -> dict[str, str]:
    stored = read_account(place.store, ACCOUNT.name).by_table()
    return {t.name: frame_hash(stored[t.name], t) for t in SHADOW_TABLES.values()}


def play(place: Installation, bars_dir: Path, on_step=None, **options) -> list[str]:
    settings, request = load_settings(place.home), ReplayRequest(ACCOUNT, bars_dir, **options)
    return replay(place.store, settings, request, ProgressResource(), on_step=on_step)


def test_a_replay_equals_the_backtest_and_goes_on_where_it_broke_off(taken, bars_dir, monkeypatch):
    place, *_ = taken
    assert play(place, bars_dir) == []
    parity = account_parity(place.store, ACCOUNT.name, load_settings(place.home).config)
    assert parity.is_exact, parity.differences["text"].tolist()
    whole = hashes(place)
    assert len(read_account(place.store, ACCOUNT.name).deliveries) == 4

    class PowerCut(Exception):
        pass

    def cut(close: pd.Timestamp) -> None:
        raise PowerCut

    with pytest.raises(PowerCut):
        play(place, bars_dir, is_fresh=True, on_step=cut)
    assert len(read_account(place.store, ACCOUNT.name).deliveries) == 1

    append = Transaction.append

    def break_off(self: Transaction, table: str, frame: pd.DataFrame) -> int:
        if table == "shadow_positions":
            raise OSError("disk full")
        return append(self, table, frame)

    with monkeypatch.context() as patch:
        patch.setattr(Transaction, "append", break_off)
        with pytest.raises(OSError, match="disk full"):
            play(place, bars_dir)
    assert len(read_account(place.store, ACCOUNT.name).deliveries) == 1
    assert play(place, bars_dir) == []
    assert hashes(place) == whole


def test_two_at_once_append_an_arrival_once(taken):
    """Another takes the arrival while this one computes: it reads again and adds nothing."""
    place, *_ = taken
    store, config = place.store, load_settings(place.home).config
    forget_account(store, ACCOUNT.name)
    from step3_assets.defs.shadow.accounts import _delivered, walked_model

    delivered = _delivered(store, ACCOUNT, config)
    calls = []

    def model_of(month: date):
        if not calls:
            calls.append(month)
            take_delivery(store, ACCOUNT, delivered, model_of, config)
        return walked_model(store, config, month)

    take_delivery(store, ACCOUNT, delivered, model_of, config)
    stored = read_account(store, ACCOUNT.name)
    assert len(stored.deliveries) == 1
    assert shadow_checks.append_only(store) == []


def test_checks_call_planted_faults_by_their_names(taken):
    place, *_ = taken
    store, config = place.store, load_settings(place.home).config
    fills, decisions, events = (
        store.read(t) for t in ("shadow_fills", "shadow_decisions", "events")
    )
    is_exit = (fills["kind"] == "exit") & (fills["account"] == "live")
    row = fills.index[is_exit][0]
    try:
        store.replace_all({"shadow_fills": fills.assign(
            pnl_usd=fills["pnl_usd"].where(fills.index != row, 999.0))})  # fmt: skip
        assert any("not those that were appended" in p for p in shadow_checks.append_only(store))
        assert [p.split(":")[0] for p in shadow_checks.parity_broken(store, config)] == [
            "fill_altered"
        ]
        assert "999.0" in shadow_checks.contradicted(store, config)[0]
    finally:
        store.replace_all({"shadow_fills": fills})
    early = decisions["first_seen_utc"].where(decisions.index != 3, HALF_WAY - pd.Timedelta("90D"))
    try:
        store.replace_all({"shadow_decisions": decisions.assign(first_seen_utc=early)})
        assert "before its bar had ended" in shadow_checks.seen_in_time(store)[0]
    finally:
        store.replace_all({"shadow_decisions": decisions})
    key = fills.loc[row, ["symbol", "decision_time_utc"]]
    is_it = (events[["symbol", "decision_time_utc"]] == key).all(axis=1)
    month = events.loc[is_it, "month"].iloc[0]
    restated = events.assign(exit_open=events["exit_open"].where(~is_it, events["exit_open"] * 1.1))
    try:
        store.replace_partitions({"events": restated[restated["month"] == month]}, [month])
        assert "outcome_restated" in shadow_checks.parity_broken(store, config)[0]
    finally:
        store.replace_partitions({"events": events[events["month"] == month]}, [month])
    assert shadow_checks.parity_broken(store, config) == []


def test_an_earlier_delivery_is_not_taken_and_nothing_fails(taken):
    """A roll-back: the run is green, says what it did not do, and the check cannot compare."""
    place, *_ = taken
    arrivals = place.store.read("shadow_deliveries")
    is_live = arrivals["account"] == "live"
    week = pd.Timedelta("7D")
    later = arrivals.assign(
        **{
            name: arrivals[name].where(~is_live, arrivals[name] + week)
            for name in ("arrival_utc", "known_until_utc")
        }
    )
    try:
        place.store.replace_all({"shadow_deliveries": later})
        result = place.run("shadow")
    finally:
        place.store.replace_all({"shadow_deliveries": arrivals})
    assert result.success, failure_text(result)
    events = result.get_asset_materialization_events()
    texts = [e.step_materialization_data.materialization.metadata for e in events]
    assert all("use a delivery that ends no earlier" in t["nothing taken"].value for t in texts)
    assert passed(result)["parity"] is False


def test_what_cannot_be_done_is_said(taken, bars_dir):
    place, *_ = taken
    store, config = place.store, load_settings(place.home).config
    with pytest.raises(ShadowError, match="never removed"):
        forget_account(store, "live")
    with pytest.raises(ShadowError, match="has seen no delivery yet"):
        account_parity(store, "replay:2020-01..2020-01", config)
    early = replay_account(date(2023, 6, 1), MONTH)
    request = ReplayRequest(early, bars_dir)
    with pytest.raises(ShadowError, match="2023-06 not trained and scored yet"):
        replay(store, load_settings(place.home), request, ProgressResource())


def test_a_promoted_model_scores_from_the_next_arrival_on_and_parity_names_it(taken, tmp_path):
    """June's model is promoted between two steps: what July's scored stays as it was."""
    taken_place, before, *_ = taken
    shutil.copytree(taken_place.home, tmp_path / "home")
    place = object.__new__(Eager)
    place.home = tmp_path / "home"
    store, settings = place.store, load_settings(place.home)
    for name in (table.name for table in SHADOW_TABLES.values()):  # as after the first arrival
        rows = store.read(name)
        store.replace_all({name: rows[(rows["account"] == "live") & (rows["arrival"] == 1)]})
    june = date(2023, 6, 1)
    result = place.run("walk_forward", june, june, assets=["folds", "calibrated_models"])
    assert result.success, failure_text(result)
    assert register_if_behind(store, settings, change_now("test"))
    registry = read_registry(store)
    row = standing_fold(registry, june)
    assert row is not None
    book = StageBook(registry, change_now("test"))
    book.move(row["model_id"], "champion", "promoted", "Planted.")
    with store.transaction(REGISTRY_TABLES) as transaction:
        put_registry(transaction, follow_from(book))
    result = place.run("shadow")
    assert result.success, failure_text(result)
    rows = read_account(store, "live").decisions
    first, second = (rows[rows["arrival"] == n].reset_index(drop=True) for n in (1, 2))
    pd.testing.assert_frame_equal(first, before.decisions, check_exact=True)
    assert set(second["model_id"]) == {row["model_id"]}
    assert set(first["model_id"]).isdisjoint(second["model_id"])
    assert passed(result)["parity"] is False
    found = account_parity(store, "live", settings.config).differences
    assert "model_differs" in set(found["difference"])
    assert set(found["difference"]) <= {"model_differs", "follows"}
    twice = store.read("model_registry").assign(stage="champion")
    store.replace_all({"model_registry": twice})
    with pytest.raises(ShadowError, match="the model registry names no model in force"):
        model_in_force(store, settings.config, MONTH)


def test_weekly_calibrators_are_those_of_the_model_in_force_and_off_by_default(taken):
    place, *_ = taken
    store, config = place.store, load_settings(place.home).config
    shadow = config.shadow.model_copy(update={"use_recalibrations": True})
    is_on = config.model_copy(update={"shadow": shadow})
    models = store.read("calibrated_models", partitions=[MONTH])
    heads = dict(zip(models["head"], models["payload_sha256"], strict=True))
    weeks = week_range(date(2023, 7, 3), date(2023, 7, 17))
    frame = rows_of(RECALIBRATIONS, n_months=3).assign(
        week=weeks,
        method="calibrator",
        base_hash=[artefacts_hash(heads), artefacts_hash(heads), "of another model"],
        in_force_week=pd.Series([weeks[0], None, weeks[2]], dtype=object),
    )
    store.replace_partitions({"recalibrations": frame}, weeks)
    try:
        assert set(model_in_force(store, is_on, MONTH).weeks) == {weeks[0]}
        assert model_in_force(store, config, MONTH).weeks == {}
    finally:
        store.replace_partitions({"recalibrations": frame[:0]}, weeks)
