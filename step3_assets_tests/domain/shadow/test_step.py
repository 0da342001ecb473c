"""The account does not depend on how history is cut into deliveries; appended rows stay."""

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from step3_assets.catalogue import TABLES
from step3_assets.catalogue.live import SHADOW_DECISIONS, SHADOW_FILLS
from step3_assets.domain.core.calendar import session_bars
from step3_assets.domain.core.hashing import frame_hash
from step3_assets.domain.core.keys import EVENT_KEY
from step3_assets.domain.core.validation import find_problems
from step3_assets.domain.shadow.book import KnownData, keep_book
from step3_assets.domain.shadow.outlook import known_until
from step3_assets.domain.shadow.playback import weekly_closes
from step3_assets.domain.shadow.step import (
    ModelInForce,
    ShadowError,
    ShadowRows,
    broken_checksums,
    event_hashes,
    process_delivery,
)
from step3_assets_tests.domain.shadow.shadow_world import (
    ACCOUNT,
    CONFIG,
    FIRST,
    LAST,
    delivered,
    everything,
    model_of,
    play,
    see,
)

WEEKS = weekly_closes(FIRST, LAST)[::2]
END = pd.Timestamp("2023-10-21", tz="UTC")


@pytest.fixture(scope="module")
def weekly() -> ShadowRows:
    return play(WEEKS)


def what_happened(stored: ShadowRows) -> tuple[str, str]:
    """Hash of decisions and fills, whichever arrival brought them."""
    seen = dict.fromkeys(("arrival", "first_seen_utc", "is_late", "maturity_seen"))
    decisions = stored.decisions.drop(columns=list(seen))
    fills = stored.fills.drop(columns="arrival")
    hashes = []
    for frame, table in ((decisions, SHADOW_DECISIONS), (fills, SHADOW_FILLS)):
        kept = [c for c in table.columns if c.name in frame.columns]
        hashes.append(frame_hash(frame, replace(table, columns=tuple(kept))))
    return hashes[0], hashes[1]


def test_the_account_has_seen_everything_there_is(weekly):
    """The other tests would show little on an account without stops, caps and nights."""
    assert {"traded", "position_open", "session_loss", "cooldown"} <= set(weekly.fills["status"])
    assert set(weekly.fills["exit_rule"].dropna()) == {"label", "session_loss"}
    assert {"ordered", "open", "exit_ordered", "closed", "settled"} == set(
        weekly.positions["state"]
    )
    assert set(weekly.decisions["maturity_seen"]) == {"final", "provisional", "pending"}
    assert weekly.decisions["month"].nunique() == 3
    for name, frame in weekly.by_table().items():
        assert find_problems(frame, TABLES[name]) == []


def test_any_cut_of_history_gives_the_same_decisions_and_fills_to_the_bit(weekly):
    """Arrivals in mid-session, at bar ends and between, days or weeks apart."""
    rng = np.random.default_rng(0)
    ends = session_bars(FIRST, date(2023, 10, 6))["bar_end"]
    drawn = ends[np.sort(rng.choice(len(ends), size=7, replace=False))]
    shifted = drawn + pd.to_timedelta(rng.choice([0, 17], size=7), unit="min")
    assert what_happened(play([*shifted, END])) == what_happened(weekly)


def test_bar_by_bar_through_a_month_boundary_gives_the_same(weekly):
    ends = session_bars(date(2023, 7, 31), date(2023, 8, 1))["bar_end"].iloc[4:10]
    assert what_happened(play([*ends, END])) == what_happened(weekly)


def test_all_at_once_gives_the_same(weekly):
    once = play([END])
    assert what_happened(once) == what_happened(weekly)
    assert once.decisions["is_late"].all()


def test_an_arrival_processed_twice_adds_nothing(weekly):
    again = process_delivery(ACCOUNT, weekly, delivered(WEEKS[-1]), model_of, CONFIG)
    assert all(frame.empty for frame in again.new.by_table().values())
    assert again.contradictions == []


def test_a_candidate_is_scored_once_by_the_model_of_its_first_arrival():
    first, _ = see(ShadowRows.none(), WEEKS[2])

    def other(month: date) -> ModelInForce:
        heads = model_of(month)
        return replace(heads, model_id="another")

    second, _ = see(first, WEEKS[3], other)
    assert not second.decisions.duplicated(EVENT_KEY).any()
    ids = second.decisions.groupby("arrival")["model_id"].agg(set).to_dict()
    assert ids == {1: {"fold 2023-07", "fold 2023-08"}, 2: {"another"}}
    kept = second.decisions[second.decisions["arrival"] == 1].reset_index(drop=True)
    pd.testing.assert_frame_equal(kept, first.decisions, check_exact=True)


def test_pending_candidates_are_scored_as_they_will_be():
    """A score reads no outcome: those seen pending have the score that the whole data gives."""
    as_of = next(t for t in WEEKS if (delivered(t).events["maturity"] == "pending").any())
    stored, _ = see(ShadowRows.none(), as_of)
    waiting = stored.decisions[stored.decisions["maturity_seen"] == "pending"]
    whole, _ = see(ShadowRows.none(), END)
    later = whole.decisions.merge(waiting[EVENT_KEY], on=EVENT_KEY)
    figures = ["p_raw", "p_calibrated", "ev_final", "gate_reason", "size_frac", "event_hash"]
    assert len(waiting)
    is_last = waiting["decision_instant_utc"] == as_of
    assert (waiting["is_late"] == ~is_last).all()
    pd.testing.assert_frame_equal(
        waiting[figures].reset_index(drop=True), later[figures], check_exact=True
    )


def test_nothing_is_filled_or_refused_after_the_bars_that_are_known(weekly):
    known = weekly.deliveries.set_index("arrival")["known_until_utc"]
    fills = weekly.fills[weekly.fills["kind"] != "refused"]
    assert (fills["time_utc"] < fills["arrival"].map(known)).all()
    refused = weekly.fills[weekly.fills["kind"] == "refused"]
    assert (refused["time_utc"] <= refused["arrival"].map(known)).all()


def test_a_symbol_that_lags_holds_the_account_but_not_the_scores():
    whole = delivered(WEEKS[3])
    is_cut = (whole.bars["symbol"] == "BBB") & (whole.bars["bar_end_utc"] > WEEKS[2])
    late = replace(whole, bars=whole.bars[~is_cut])
    assert known_until(late.bars) == WEEKS[2]
    result = process_delivery(ACCOUNT, ShadowRows.none(), late, model_of, CONFIG)
    full = process_delivery(ACCOUNT, ShadowRows.none(), whole, model_of, CONFIG)
    assert len(result.new.decisions) == len(full.new.decisions)
    fills, all_fills = result.new.fills, full.new.fills
    assert 0 < len(fills) < len(all_fills)
    pd.testing.assert_frame_equal(
        fills,
        all_fills.merge(fills[[*EVENT_KEY, "kind"]], on=[*EVENT_KEY, "kind"]),
        check_exact=True,
    )


def test_an_exit_that_the_last_bar_decides_is_ordered_and_frees_its_symbol(weekly):
    """A label cannot see the last bar, a desk can: planted by looking only as far as the label."""
    ordered = weekly.positions[weekly.positions["state"] == "exit_ordered"]
    exits = weekly.fills[weekly.fills["kind"] == "exit"].set_index(EVENT_KEY)
    for row in ordered.itertuples():
        fill = exits.loc[(row.symbol, row.decision_time_utc)]
        assert fill["arrival"] == row.arrival + 1
        following = session_bars(row.arrival_utc.date(), date(2023, 10, 20))["date"]
        assert fill["time_utc"] == following[following >= row.arrival_utc].iloc[0]


def test_a_delivery_that_ends_earlier_is_refused():
    stored, _ = see(ShadowRows.none(), WEEKS[3])
    with pytest.raises(ShadowError, match="has seen bars to"):
        see(stored, WEEKS[2])


def test_other_account_settings_are_refused_and_other_gates_are_not():
    stored, _ = see(ShadowRows.none(), WEEKS[2])
    risk = CONFIG.risk.model_copy(update={"session_loss_frac": None})
    other = CONFIG.model_copy(update={"risk": risk})
    with pytest.raises(ShadowError, match="began with other execution, risk or allocation"):
        process_delivery(ACCOUNT, stored, delivered(WEEKS[3]), model_of, other)
    gate = CONFIG.gate.model_copy(update={"k": 1.0})
    stricter = CONFIG.model_copy(update={"gate": gate})
    process_delivery(ACCOUNT, stored, delivered(WEEKS[3]), model_of, stricter)


def test_a_checksum_breaks_when_a_row_is_altered_dropped_or_inserted(weekly):
    assert broken_checksums(weekly) == {"decisions": set(), "fills": set(), "positions": set()}
    altered = weekly.fills.copy()
    row = altered.index[altered["kind"] == "entry"][0]
    altered.loc[row, "price_usd"] += 0.01
    assert broken_checksums(replace(weekly, fills=altered))["fills"] == {
        altered.loc[row, "arrival"]
    }
    dropped = weekly.decisions.drop(index=5)
    arrival = weekly.decisions.loc[5, "arrival"]
    assert broken_checksums(replace(weekly, decisions=dropped))["decisions"] == {arrival}
    strange = weekly.positions.assign(arrival=99)
    assert 99 in broken_checksums(replace(weekly, positions=strange))["positions"]


def test_the_events_hash_reads_nothing_known_later():
    events = everything().events.head(20)
    outcomes = events.assign(net_logret=0.5, exit_open=1.0, maturity="pending", t_idx=0)
    assert event_hashes(outcomes).equals(event_hashes(events))
    assert not event_hashes(events.assign(sigma=0.1)).equals(event_hashes(events))


def test_equity_of_an_open_account_is_that_of_the_whole_history_up_to_then(weekly):
    data = everything()
    book = keep_book(
        ACCOUNT, weekly.decisions, KnownData(data.events, data.bars, WEEKS[-1]), CONFIG
    )
    equity = book.equity.set_index("bar_end_utc")["equity_usd"]
    for row in weekly.deliveries.itertuples():
        assert equity.asof(row.known_until_utc) == row.equity_usd
