import numpy as np
import pandas as pd
import pytest

from step3_assets.catalogue.column import KnownAt
from step3_assets.catalogue.delivery import EVENTS, OUTCOME_COLUMNS
from step3_assets.domain.models.features import (
    FEATURES,
    LeakageError,
    feature_matrix,
    features_hash,
)
from step3_assets_tests.domain.models.training_frames import make_market

EVENTS_FRAME, _ = make_market(n_months=2)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("touch_delay_bars", "touch_delay_bars may not be a feature: known at outcome"),
        ("y", "y may not be a feature: known at outcome"),
        ("label_end_idx", "known at outcome"),
        ("maturity", "known at outcome"),
        ("t_idx", "known at identity"),
        ("symbol", "known at identity"),
        ("decision_time_utc", "known at identity"),
        ("gap_ret_realized", "a column of bar_features"),
        ("spy_sigma", "unknown"),
    ],
)
def test_planted_leak_is_refused(name, message):
    planted = EVENTS_FRAME.assign(gap_ret_realized=0.0, spy_sigma=0.0)
    with pytest.raises(LeakageError, match=message):
        feature_matrix(planted, columns=[*FEATURES, name])


def test_every_outcome_and_identity_is_refused():
    for column in EVENTS.columns:
        if column.known_at is not KnownAt.DECISION:
            with pytest.raises(LeakageError):
                feature_matrix(EVENTS_FRAME, columns=[column.name])


def test_frozen_list_holds_no_outcome():
    assert set(FEATURES).isdisjoint(OUTCOME_COLUMNS)
    assert {"family", "entry_overnight", "cross_sigma", "a_tp"} <= set(FEATURES)


def test_values_and_names():
    events = pd.DataFrame({"vol_z": [0.5, np.nan], "family": ["trend_long", "pullback_long"]})
    matrix = feature_matrix(events, columns=["vol_z", "family"])
    assert matrix.names == ("vol_z", "family=pullback_long", "family=trend_long")
    np.testing.assert_array_equal(matrix.values, [[0.5, 0, 1], [np.nan, 1, 0]])


def test_vocabulary_comes_from_the_fold():
    trained = feature_matrix(EVENTS_FRAME)
    fresh = EVENTS_FRAME.head(3).assign(family="gap_short")
    matrix = feature_matrix(fresh, trained.vocabulary)
    assert matrix.names == trained.names
    coded = [place for place, name in enumerate(matrix.names) if name.startswith("family=")]
    assert not matrix.values[:, coded].any()


def test_hash_depends_on_names_and_order():
    assert features_hash(["a", "b"]) != features_hash(["b", "a"])
    assert features_hash(["a", "b"]) == features_hash(("a", "b"))
