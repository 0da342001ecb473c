"""Two verdicts side by side: each difference is on the page, and sameness is said."""

import json
from datetime import UTC, date, datetime

import numpy as np
import pandas as pd
import pytest

from step3_assets.domain.registry.errors import RegistryError
from step3_assets.domain.registry.past_verdicts import find_verdict
from step3_assets.domain.report.comparison import comparison_page, growth_difference
from step3_assets.domain.statistics.bootstrap import Resampling

RESAMPLING = Resampling(level=0.9, n_resamples=200, seed=1)
DAYS = [f"2021-{month:02}-{day:02}" for month in range(1, 7) for day in range(1, 21)]


def kept(position: int, *, k: float = 0.1, drift: float = 0.0, is_passed: bool = True) -> dict:
    noise = np.random.default_rng(3).normal(0.0, 0.002, len(DAYS))
    criterion = {"value": 0.5, "threshold": 0.4, "comparison": ">=", "is_passed": is_passed}
    return {
        "verdict_id": f"{position}{position}aabbccddee",
        "position": position,
        "judged_utc": pd.Timestamp(datetime(2023, 1, position, tzinfo=UTC)),
        "dataset_version": "d00d0000",
        "is_synthetic": True,
        "config_hash": f"c0{position}f1",
        "settings": json.dumps({"gate": {"k": k, "phi": 3.0}}),
        "code_version": "0.2.0+abc",
        "models_hash": "e0e0",
        "first_month": date(2021, 1, 1),
        "last_month": date(2021, 6, 1),
        "verdict": "PROMOTE" if is_passed else "PROMOTE NOTHING: failed calmar_positive",
        "criteria": json.dumps({"calmar_positive": criterion}),
        "metrics": json.dumps({"calmar": 1.2, "n_trades": 3.0, "cagr": 0.1}),
        "growth": json.dumps(dict(zip(DAYS, np.exp(noise * position + drift), strict=True))),
        "trades": json.dumps([["QQQ", "2021-01", 5.0], ["SPY", f"2021-0{position}", -9.0]]),
    }


def test_what_differs_is_on_the_page():
    page = comparison_page(kept(1), kept(2, k=0.2, is_passed=False), RESAMPLING)
    assert "| `gate.k` | 0.1 | 0.2 |" in page
    assert "gate.phi" not in page
    assert "| `calmar_positive` | 0.5 PASS | 0.5 FAIL | differs |" in page
    assert "1 trade in both, 1 only in the first, 1 only in the second." in page
    assert "| SPY | 2021-01 | first | -$9.00 |" in page
    assert "| Dataset | d00d0000 | d00d0000 | same |" in page
    assert "That is not distinguishable from no difference." in page


def test_a_difference_in_growth_has_its_interval():
    found = growth_difference(kept(1), kept(2, drift=0.001), RESAMPLING)
    assert found is not None
    noise = np.random.default_rng(3).normal(0.0, 0.002, len(DAYS)).mean()
    assert found.value == pytest.approx(252 * (0.001 + noise))
    assert found.lower <= found.value <= found.upper
    page = comparison_page(kept(1), kept(1), RESAMPLING)
    assert "grew alike on all 120 common sessions" in page
    assert "No setting differs." in page


def test_a_verdict_is_found_by_what_a_person_names():
    past = pd.DataFrame([kept(1), kept(2)])
    names = {"latest": 2, "previous": 1, "1": 1, "11aabb": 1, "c02f": 2, "d00d": 2, "0.2.0+abc": 2}
    assert {name: find_verdict(past, name)["position"] for name in names} == names
    for name in ("d0", "nothing", ""):
        with pytest.raises(RegistryError, match="names no verdict"):
            find_verdict(past, name)
    with pytest.raises(RegistryError, match="one verdict only"):
        find_verdict(past.head(1), "previous")
