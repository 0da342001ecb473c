"""The check of weights finds weights that follow the outcome, and accepts equal weights."""

import numpy as np
import pandas as pd
import pytest

from step3_assets.domain.audit.checks.weights import check_weights, weight_faults
from step3_assets.domain.folds.uniqueness import average_uniqueness
from step3_assets.domain.models import training
from step3_assets.domain.models.head import TrainingRows


def crowded_events(n: int = 3000, seed: int = 0) -> pd.DataFrame:
    """Candidates follow where the price rises: after a winner the next one comes at once."""
    rng = np.random.default_rng(seed)
    outcome = rng.standard_normal(n)
    t_idx = np.cumsum(np.where(outcome > 0, 1, 6))
    times = pd.Timestamp("2018-01-01", tz="UTC") + pd.to_timedelta(t_idx, unit="h")
    return pd.DataFrame(
        {
            "symbol": "AAA",
            "decision_time_utc": times,
            "t_idx": t_idx,
            "label_end_idx": t_idx + 8,
            "gross_logret": 0.01 * outcome,
            "u_atr": 0.01,
        }
    )


def by_uniqueness(rows: pd.DataFrame) -> TrainingRows:
    first, last = rows["t_idx"].to_numpy() + 1, rows["label_end_idx"].to_numpy()
    return TrainingRows(rows, average_uniqueness(rows["symbol"], first, last))


def test_uniqueness_carries_the_outcome_and_is_caught():
    rows = by_uniqueness(crowded_events())
    (fault,) = weight_faults(rows)
    assert "weights carry the outcome" in fault
    assert np.average(rows.scaled_gross, weights=rows.weights) < rows.scaled_gross.mean() - 0.05


def test_equal_weights_have_no_fault():
    assert weight_faults(training.weigh(crowded_events())) == []


def test_weights_of_the_past_have_no_fault():
    """Size: weights drawn without regard to outcomes are flagged in none of 200 worlds."""
    rng = np.random.default_rng(3)
    events = crowded_events(1200, seed=5)
    flagged = [
        bool(weight_faults(TrainingRows(events, rng.uniform(0.1, 1.0, len(events)))))
        for _ in range(200)
    ]
    assert sum(flagged) == 0


@pytest.mark.parametrize("factor", [1.0, -1.0])
def test_the_audit_weighs_as_training_does(honest, monkeypatch, factor):
    assert check_weights(honest).is_passed

    def carries(rows):
        tilt = 1.0 + factor * 0.2 * np.sign(rows["gross_logret"].to_numpy())
        return TrainingRows(rows, tilt)

    monkeypatch.setattr(training, "weigh", carries)
    found = check_weights(honest)
    assert not found.is_passed
    assert "weights carry the outcome" in found.text
