"""Entries: bytes identify a version; the other fields are those of its last registration."""

import json
from datetime import date

import pandas as pd
import pytest

from step3_assets.config import LightGBMConfig, ModelConfig, Step3Config
from step3_assets.domain.core.code import code_version
from step3_assets.domain.models.features import features_hash
from step3_assets.domain.models.text_format import dump_numbers
from step3_assets.domain.registry.entries import (
    NOT_IN_FORCE,
    Provenance,
    feature_lists,
    fold_entries,
    model_id,
    models_hash,
)
from step3_assets.domain.registry.errors import RegistryError
from step3_assets_tests.domain.registry.registered import DEC, NOV

CONFIG = Step3Config()
OTHER = Step3Config(models=ModelConfig(lightgbm=LightGBMConfig(n_rounds=7)))
ACCEPTED = pd.DataFrame(
    {
        "criterion": ["max_drawdown"],
        "position": [1],
        "value": [float("nan")],
        "threshold": [0.12],
        "comparison": ["<="],
        "is_passed": [False],
    }
)


def fold_models(month: date, sha: str = "aa", config: Step3Config = CONFIG) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "month": month,
            "head": ["blend", "ridge"],
            "payload_sha256": ["bb", sha],
            "features_hash": LISTED,
            "config_hash": config.models.content_hash(),
            "members_hash": "m",
        }
    )


METRICS = pd.DataFrame(
    [
        (NOV, "classifier", "calibrated", "brier", 0.24, 700),
        (NOV, "base_rate", "raw", "brier", 0.25, 700),
        (NOV, "classifier", "calibrated", "ece", float("nan"), 700),
    ],
    columns=["month", "head", "stage", "metric", "value", "n_rows"],
)


NAMES = ["sigma", "family=trend_long"]
LISTED = features_hash(NAMES)


def provenance(**changed) -> Provenance:
    known = {
        "dataset_version": "d1",
        "month_hashes": {date(2023, 10, 1): "x", NOV: "y"},
        "config": CONFIG,
        "by_month": {},
        "acceptance": ACCEPTED,
        "feature_lists": {LISTED: NAMES},
    }
    return Provenance(**{**known, **changed})


def entries(models: pd.DataFrame, **changed) -> list[dict]:
    return fold_entries(models, METRICS, provenance(**changed))


def test_an_entry_says_what_the_fold_was_made_from_and_how_good_it_is():
    (one,) = entries(fold_models(NOV))
    assert one["model_id"] == model_id("fold", NOV, {"blend": "bb", "ridge": "aa"})
    assert one["model_id"].startswith("fold-2023-11-")
    assert json.loads(one["artefacts"]) == {"blend": "bb", "ridge": "aa"}
    assert json.loads(one["features"]) == NAMES
    assert one["parameters_source"] == "defaults"
    assert json.loads(one["parameters"])["folds"]["train_months"] == 36
    figures = json.loads(one["metrics"])
    assert (figures["brier"], figures["brier_base_rate"], figures["ece"]) == (0.24, 0.25, None)
    assert figures["n_rows_out_of_fold"] == 700
    assert json.loads(one["criteria"])["max_drawdown"]["value"] is None
    assert one["verdict"].startswith("PROMOTE NOTHING: failed ")
    assert one["code_version"] == code_version()


def test_the_identity_is_the_bytes_and_nothing_else():
    (one,) = entries(fold_models(NOV))
    (same,) = entries(fold_models(NOV), dataset_version="d2", acceptance=ACCEPTED.iloc[:0])
    (other,) = entries(fold_models(NOV, sha="ff"))
    (later,) = entries(fold_models(DEC))
    assert same["model_id"] == one["model_id"]
    assert len({one["model_id"], other["model_id"], later["model_id"]}) == 3


def test_the_inputs_are_those_of_the_look_back_and_no_later_ones():
    (one,) = entries(fold_models(NOV))
    (grown,) = entries(
        fold_models(NOV), month_hashes={date(2023, 10, 1): "x", NOV: "new", DEC: "z"}
    )
    (restated,) = entries(fold_models(NOV), month_hashes={date(2023, 10, 1): "other"})
    assert grown["inputs_hash"] == one["inputs_hash"]
    assert restated["inputs_hash"] != one["inputs_hash"]


def test_parameters_name_where_they_came_from():
    searched = fold_models(NOV, config=OTHER)
    (one,) = entries(searched, by_month={NOV: OTHER})
    assert one["parameters_source"] == "search epoch 2023-07"
    (own,) = entries(searched, config=OTHER)
    assert own["parameters_source"] == "step3.toml"


def test_parameters_that_are_not_those_trained_with_are_not_claimed():
    (one,) = entries(fold_models(NOV, config=OTHER))
    assert one["parameters"] is None
    assert one["parameters_source"] == NOT_IN_FORCE


def test_heads_of_one_fold_that_disagree_are_refused():
    mixed = fold_models(NOV)
    mixed.loc[0, "config_hash"] = "other"
    with pytest.raises(RegistryError, match="2023-11 have 2 values of config_hash"):
        entries(mixed)


def test_features_are_read_from_the_models_and_must_be_known():
    payload = dump_numbers({"names": NAMES})
    stored = pd.DataFrame({"head": ["features", "ridge"], "payload": [payload, "{}"]})
    assert feature_lists(stored) == {LISTED: NAMES}
    with pytest.raises(RegistryError, match="no stored list of features has the hash of 2023-11"):
        entries(fold_models(NOV), feature_lists={})


def test_the_hash_over_models_knows_every_head_and_month_but_no_order():
    both = pd.concat([fold_models(NOV), fold_models(DEC)])
    assert models_hash(both) == models_hash(both.iloc[::-1])
    assert models_hash(both) != models_hash(both.iloc[1:])
    assert models_hash(fold_models(NOV)) != models_hash(fold_models(DEC))
