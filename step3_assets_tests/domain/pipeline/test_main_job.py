"""The bare pipeline: models that are there already are not trained again, and all else is made."""

import pandas as pd
import pytest

from step3_assets.config import GateConfig
from step3_assets.domain.pipeline.main_job import MonthInputs, run_month
from step3_assets.domain.walk_forward import month_steps
from step3_assets_tests.domain.search.search_frames import EPOCH, SMALL, searched_market


def test_a_month_on_models_of_another_run_is_decided_by_its_own_settings(monkeypatch):
    events, bars = searched_market()
    events[["entry_open", "exit_open"]] = 100.0  # the price of every bar
    first = run_month(MonthInputs.cut(events, bars, EPOCH, SMALL))
    closed = SMALL.model_copy(update={"gate": GateConfig(k=1e6)})
    inputs = MonthInputs.cut(events, bars, EPOCH, closed)
    whole = run_month(inputs)

    def refuse(*_):
        raise AssertionError("trained again")

    monkeypatch.setattr(month_steps, "training_step", refuse)
    with pytest.raises(AssertionError, match="trained again"):
        run_month(inputs)
    again = run_month(inputs, first)
    assert first["scores"]["is_gated"].any()
    assert not again["scores"]["is_gated"].any()
    assert set(again) == set(whole)
    for name, table in whole.items():
        pd.testing.assert_frame_equal(again[name], table, check_exact=True)
