"""Every head keeps the protocol, whichever library fits it; a head added here works everywhere."""

import json
from dataclasses import dataclass, replace

import numpy as np
import pytest

from step3_assets.config import LightGBMConfig, ModelConfig
from step3_assets.domain.acceptance.criteria import folds_without_models
from step3_assets.domain.models import heads
from step3_assets.domain.models.features import feature_matrix
from step3_assets.domain.models.head import HeadTask, Target, TrainingRows
from step3_assets.domain.models.text_format import name_in_hashes, payload_sha256
from step3_assets_tests.domain.models.training_frames import (
    QUICK,
    make_fold,
    make_market,
    train_events,
)

EVENTS, BARS = make_market(edge_bps=120.0, seed=3, n_months=25, per_month=30)
FITTED, LATER = EVENTS[:900], EVENTS[900:1200]
CONFIG = ModelConfig(lightgbm=LightGBMConfig(n_rounds=40, learning_rate=0.1, min_data_in_leaf=40))


@dataclass(frozen=True)
class HistogramHead:
    """scikit-learn's histogram boosting: a second library in a role of its own.

    Payload: the trees' nodes as JSON; prediction walks them.
    """

    name: str = "histogram"
    label: str = "histogram boosting"
    target: Target = Target.SCALED_GROSS
    level: float | None = None
    format: str = "json of trees"

    def fit(self, task):
        from sklearn.ensemble import HistGradientBoostingRegressor

        model = HistGradientBoostingRegressor(
            max_iter=40, max_leaf_nodes=8, random_state=task.config.seed
        )
        model.fit(task.values, task.rows.outcome(self.target), sample_weight=task.weights)
        names = ("feature_idx", "num_threshold", "left", "right", "value", "is_leaf")
        names += ("missing_go_to_left",)
        trees = [
            {name: trees_of_round[0].nodes[name].tolist() for name in names}
            for trees_of_round in model._predictors
        ]
        return {"base": float(model._baseline_prediction.ravel()[0]), "trees": trees}

    def predict(self, model, values):
        total = np.full(len(values), model["base"])
        for tree in model["trees"]:
            nodes = {name: np.asarray(column) for name, column in tree.items()}
            at = np.zeros(len(values), dtype=int)
            while not nodes["is_leaf"][at].all():
                seen = values[np.arange(len(values)), nodes["feature_idx"][at]]
                missing = np.isnan(seen) & (nodes["missing_go_to_left"][at] > 0)
                goes_left = (seen <= nodes["num_threshold"][at]) | missing
                below = np.where(goes_left, nodes["left"][at], nodes["right"][at])
                at = np.where(nodes["is_leaf"][at], at, below)
            total += nodes["value"][at]
        return total

    def dump(self, model):
        return json.dumps(model, sort_keys=True)

    def load(self, text):
        return json.loads(text)


def task(events, config=CONFIG):
    matrix = feature_matrix(events, columns=config.features)
    weights = np.ones(len(events))
    return HeadTask(matrix.values, matrix.names, TrainingRows(events, weights), weights, config)


@pytest.mark.parametrize("head", [*heads.HEADS, HistogramHead()], ids=lambda head: head.name)
def test_every_head_keeps_the_protocol(head):
    payload = head.dump(head.fit(task(FITTED)))
    assert head.dump(head.fit(task(FITTED))) == payload, "same rows, same bytes"
    model = head.load(payload)
    assert head.dump(model) == payload, "loading and dumping changes nothing"
    values = task(LATER).values
    predicted = head.predict(model, values)
    assert predicted.shape == (len(LATER),)
    assert np.isfinite(predicted).all()
    alone = np.concatenate([head.predict(model, values[i : i + 1]) for i in range(0, 300, 30)])
    assert alone.tobytes() == predicted[::30].tobytes(), "a row alone gives the bits of the batch"
    missing = head.predict(model, np.full((2, values.shape[1]), np.nan))
    assert np.isfinite(missing).all(), "missing signals are no failure"
    if head.target is Target.WON:
        assert ((predicted > 0) & (predicted < 1)).all()
    assert head.level is None or 0 < head.level < 1
    assert head.label
    assert head.format


def test_names_are_roles_and_unique():
    names = heads.head_names()
    assert len(set(names)) == len(names)
    assert not any("lgbm" in name or "lightgbm" in name for name in names)


def test_a_new_head_appears_everywhere(monkeypatch):
    """Payload, integrity, metrics and the list that acceptance asks for follow from the list."""
    monkeypatch.setattr(heads, "HEADS", (*heads.HEADS, HistogramHead()))
    monkeypatch.setattr("step3_assets.domain.models.quality.HEADS", heads.HEADS)
    trained = train_events(EVENTS, make_fold(EVENTS, BARS), QUICK)
    (row,) = trained.models[trained.models["head"] == "histogram"].to_dict("records")
    assert row["format"] == "json of trees"
    assert row["payload_sha256"] == payload_sha256(row["payload"])
    metrics = trained.metrics.set_index(["head", "metric"])["value"]
    assert 0 < metrics["histogram", "mse"] < 1
    payloads = dict(zip(trained.models["head"], trained.models["payload"], strict=True))
    assert len(heads.predict_heads(payloads, LATER).by_head["histogram"]) == len(LATER)
    assert "histogram" in heads.head_names()
    del payloads["histogram"]
    with pytest.raises(heads.ModelIntegrityError, match="histogram"):
        heads.predict_heads(payloads, LATER)


def test_acceptance_asks_for_every_head():
    assert heads.head_names() == folds_without_models.REQUIRED_HEADS


def test_quantiles_are_ordered_by_level_and_do_not_cross():
    assert [head.level for head in heads.quantile_heads()] == [0.1, 0.5, 0.9]
    crossing = {name: np.zeros(2) for name in heads.head_names()}
    crossing |= {"q10": np.array([0.5, -1.0]), "q90": np.array([-0.5, 1.0])}
    predicted = heads.Predictions(crossing, scale=np.full(2, 0.01), cost=np.full(2, 0.001))
    assert predicted.quantiles == pytest.approx(
        np.array([[-0.006, -0.001, 0.004], [-0.011, -0.001, 0.009]])
    )
    assert replace(predicted, cost=np.zeros(2)).quantiles[0].tolist() == [-0.005, 0.0, 0.005]


def test_renaming_a_head_does_not_rename_its_models():
    assert name_in_hashes("mean") == "lgbm_mean"
    assert name_in_hashes("ridge") == "ridge"
