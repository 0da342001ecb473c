"""Bars as training rows: the same features as events, moves that add up to outcomes."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from step3_assets.config import FoldConfig
from step3_assets.domain.core.bar_columns import TRAINING_BARS
from step3_assets.domain.core.months import month_start
from step3_assets.domain.delivery import read_delivery
from step3_assets.domain.folds.build import build_fold, cut_bar_fold, inner_blocks
from step3_assets.domain.models.bar_rows import held_sums, lay_out_bars, partners_of
from step3_assets.domain.models.features import FEATURES
from step3_assets.domain.step2.build import build_delivery
from step3_assets.domain.step2.write import write_delivery
from step3_assets_tests.domain.step2.small_bars import SHORT, random_bars

MONTH = date(2021, 7, 1)
FOLDS = FoldConfig(train_months=24, inner_folds=2, inner_min_train_months=12, inner_min_rows=50)


@pytest.fixture(scope="module")
def delivery(tmp_path_factory):
    folder = tmp_path_factory.mktemp("delivery")
    span = {"start": date(2019, 7, 1), "end": date(2021, 7, 30)}
    bars = {s: random_bars(seed, **span, drift=2e-4) for s, seed in (("SPY", 5), ("QQQ", 6))}
    write_delivery(build_delivery(bars, SHORT), folder)
    return read_delivery(folder)


@pytest.fixture(scope="module")
def rows(delivery):
    return lay_out_bars(delivery.bars[TRAINING_BARS], partners_of(delivery.events), FEATURES)


def rows_of(rows, events):
    at = {key: i for i, key in enumerate(zip(rows.symbol, rows.idx, strict=True))}
    return [at[key] for key in zip(events["symbol"], events["t_idx"], strict=True)]


def test_a_bar_has_the_features_of_the_event_decided_on_it(delivery, rows):
    at = rows_of(rows, delivery.events)
    assert {"trend_score", "cross_vol_z", "ret_spread", "regime_agree", "rs_log"} <= set(rows.names)
    for name, bar_values in zip(rows.names, rows.values[at].T, strict=True):
        expected = delivery.events[name].to_numpy(dtype=np.float64, na_value=np.nan)
        np.testing.assert_allclose(bar_values, expected, rtol=1e-12, atol=1e-15, err_msg=name)


def test_moves_along_a_held_path_add_up_to_the_outcome(delivery, rows):
    events = delivery.events
    final = events[(events["maturity"] == "final") & (events["label_end_idx"] < rows.idx.max())]
    assert len(final) > 500
    got = held_sums(rows, np.nan_to_num(rows.move), final)
    np.testing.assert_allclose(got, final["gross_logret"], atol=1e-9)


def test_a_night_is_held_where_the_move_spans_two_sessions(delivery, rows):
    bars = delivery.bars.sort_values(["symbol", "bar_idx"], ignore_index=True)
    starts = bars.groupby("symbol")["date"]
    day = [starts.shift(-k).dt.tz_convert("America/New_York").dt.date for k in (1, 2)]
    known = np.isfinite(rows.move)
    assert (rows.holds_night == (day[0] != day[1]).to_numpy())[known].all()


def test_a_path_with_a_missing_bar_has_no_sum(rows):
    events = pd.DataFrame({"symbol": ["SPY"], "t_idx": [10**6], "label_end_idx": [10**6 + 4]})
    assert np.isnan(held_sums(rows, rows.move, events)).all()


def test_bars_are_purged_and_embargoed_like_events(delivery):
    """Brute force: a training bar's own exit ends before the boundary, less the embargo."""
    bars = delivery.bars.sort_values(["symbol", "bar_idx"], kind="stable", ignore_index=True)
    fold = build_fold(delivery.events, bars, MONTH, FOLDS)
    cut = cut_bar_fold(bars, fold, FOLDS)
    embargo = int(fold.manifest["embargo_bars"].iloc[0])
    assert embargo > 0
    blocks = [start for start, _ in inner_blocks(month_start(MONTH), FOLDS)]
    for boundary, train in [
        (month_start(MONTH), cut.train),
        *((blocks[one.number], one.train) for one in cut.inner),
    ]:
        assert train.sum() > 500
        for symbol in ("QQQ", "SPY"):
            own = bars[bars["symbol"] == symbol]
            first = own.loc[own["date"] >= boundary, "bar_idx"].min()
            trained = own.loc[train[own.index], "bar_idx"]
            assert trained.max() + 2 + embargo < first
            assert trained.max() + 2 + embargo >= first - 3, "no more is dropped than must be"
    for one in cut.inner:
        assert (bars.loc[one.validation, "date"] >= blocks[one.number]).all()
        assert (one.validation <= cut.train).all()
        assert not (one.train & one.validation).any()


def test_a_partner_bar_that_ends_later_is_not_known():
    """The partner's bar starts with the own one but ends an hour later."""
    start = pd.date_range("2021-01-04 14:30", periods=4, freq="1h", tz="UTC")
    frame = pd.DataFrame({"date": start, "open": 1.0, "close": 1.0, "r_cc": 0.0, "u_atr": 0.01})
    own = frame.assign(symbol="A", bar_idx=range(4), bar_end_utc=start + pd.Timedelta(hours=1))
    late = frame.assign(symbol="B", bar_idx=range(4), bar_end_utc=start + pd.Timedelta(hours=2))
    bars = pd.concat([own, late]).assign(entry_overnight=False)
    bars["trend_score"] = [1.0, 2.0, 3.0, 4.0] * 2
    rows = lay_out_bars(bars, {"A": "B", "B": "A"}, ("cross_trend_score",))
    assert rows.values[rows.symbol == "A", 0].tolist()[1:] == [1.0, 2.0, 3.0]
    assert np.isnan(rows.values[rows.symbol == "A", 0][0])
