"""Importances: shares of gain and SHAP that sum to one and find the features that carry an edge."""

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest

from step3_assets.catalogue.models import CALIBRATED_MODELS
from step3_assets.catalogue.monitoring import IMPORTANCES
from step3_assets.domain.core.validation import find_problems
from step3_assets.domain.models.heads import matrix_of
from step3_assets.domain.models.importance import EXPLAINED_HEADS, head_importances
from step3_assets.domain.models.text_format import read_payloads
from step3_assets_tests.domain.models.training_frames import (
    MONTH,
    QUICK,
    make_fold,
    make_market,
    train_events,
)


@pytest.fixture(scope="module")
def market():
    events, bars = make_market(edge_bps=120.0, seed=2)
    return events, train_events(events, make_fold(events, bars), QUICK).models


@pytest.fixture(scope="module")
def table(market):
    events, models = market
    return head_importances(models, events[events["month"] == MONTH], MONTH)


def test_shares_sum_to_one_by_head(table):
    assert find_problems(table, IMPORTANCES) == []
    sums = table.groupby("head")[["gain_frac", "shap_frac"]].sum()
    assert set(sums.index) == set(EXPLAINED_HEADS)
    assert sums.to_numpy() == pytest.approx(1.0)


def test_the_features_of_the_planted_edge_come_first(table):
    shares = table[table["head"] == "mean"].set_index("feature")
    for kind in ("gain_frac", "shap_frac"):
        assert set(shares[kind].nlargest(2).index) == {"trend_score", "vol_z"}


def test_shap_values_add_up_to_the_raw_score(market):
    events, models = market
    payloads = read_payloads(models)
    values = matrix_of(payloads, events[events["month"] == MONTH]).values
    booster = lgb.Booster(model_str=payloads["classifier"])
    parts = np.asarray(booster.predict(values, pred_contrib=True))
    assert parts.sum(axis=1) == pytest.approx(np.asarray(booster.predict(values, raw_score=True)))


def test_a_category_is_one_feature(table):
    assert (table["feature"] == "family").sum() == len(EXPLAINED_HEADS)
    assert not table["feature"].str.contains("=").any()


def test_a_month_without_candidates_has_gain_alone(market):
    events, models = market
    table = head_importances(models, events.iloc[:0], MONTH)
    assert table["shap_frac"].isna().all()
    assert table["gain_frac"].notna().all()


def test_a_fold_without_a_model_has_no_rows():

    assert head_importances(
        pd.DataFrame(columns=CALIBRATED_MODELS.names), pd.DataFrame(), MONTH
    ).empty
