"""Deciles of the expected value: known answers, every row in one of them."""

import numpy as np
import pandas as pd
import pytest

from step3_assets.domain.report.ev_calibration import ev_deciles


def world(slope: float, n: int = 3000, noise: float = 0.004, seed: int = 3) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    ev = rng.normal(0.0, 1e-3, n)
    stamps = pd.Timestamp("2020-01-01 15:00", tz="UTC") + pd.to_timedelta(np.arange(n) // 4, "D")
    net = slope * ev + rng.normal(0, noise, n)
    return pd.DataFrame({"ev_final": ev, "net_logret": net, "decision_time_utc": stamps})


def test_deciles_hold_every_known_row_in_order():
    rows = world(1.0, n=103)
    rows.loc[[0, 1], "ev_final"] = np.nan
    rows.loc[2, "net_logret"] = np.nan
    deciles = ev_deciles(rows, level=0.9)
    assert deciles["decile"].tolist() == list(range(1, 11))
    assert deciles["n_rows"].tolist() == [10] * 10
    assert deciles["ev_bps"].is_monotonic_increasing
    known = rows.dropna()
    assert (deciles["net_bps"] * deciles["n_rows"]).sum() == pytest.approx(
        known["net_logret"].sum() * 1e4
    )


@pytest.mark.parametrize("n", [0, 1, 4])
def test_few_rows_give_few_deciles_without_intervals(n):
    deciles = ev_deciles(world(1.0, n=max(n, 1)).iloc[:n], level=0.9)
    assert len(deciles) == n
    assert deciles["lo_bps"].isna().all()
