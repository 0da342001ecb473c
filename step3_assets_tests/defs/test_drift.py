"""The checks of monitoring, on the newest month."""

import dagster as dg
import pandas as pd
import pytest

from step3_assets.catalogue.monitoring import DRIFT_METRICS
from step3_assets.defs.results.drift_assets import drift_checks, drift_verdict
from step3_assets_tests.domain.report.frames import make_inputs

WARN, ERROR = dg.AssetCheckSeverity.WARN, dg.AssetCheckSeverity.ERROR


def rows(*states: str) -> pd.DataFrame:
    """The newest month's lines of one metric, one per state."""
    drift = make_inputs(n_months=3).drift
    newest = drift[(drift["month"] == drift["month"].max()) & (drift["metric"] == "psi")].iloc[:1]
    lines = pd.concat([newest] * len(states), ignore_index=True)
    texts = [f"line {i} is {state}" for i, state in enumerate(states)]
    return lines.assign(
        state=list(states), sentence=texts, feature=[f"f{i}" for i in range(len(states))]
    )


@pytest.mark.parametrize(
    ("states", "passed", "severity", "text"),
    [
        (["quiet", "quiet"], True, WARN, "2 line(s) quiet in 2020-01."),
        (["quiet", "not_enough"], True, WARN, "1 line(s) quiet in 2020-01."),
        (["not_enough"], True, WARN, "line 0 is not_enough"),
        (["quiet", "warn"], False, WARN, "line 1 is warn"),
        (["warn", "error"], False, ERROR, "line 1 is error line 0 is warn"),
    ],
)
def test_a_verdict_is_as_loud_as_its_loudest_line(states, passed, severity, text):
    verdict = drift_verdict(rows(*states))
    assert (verdict["passed"], verdict["severity"]) == (passed, severity)
    assert verdict["description"] == text


def test_an_older_month_that_was_loud_is_history():
    old = rows("error").assign(month=pd.Timestamp("2019-11-01").date())
    assert drift_verdict(pd.concat([old, rows("quiet")]))["passed"]


def test_a_line_that_is_not_there_fails():
    verdict = drift_verdict(rows("quiet").iloc[:0])
    assert not verdict["passed"]
    assert verdict["severity"] == ERROR


def test_every_metric_has_a_check():
    assert {m for check in drift_checks().values() for m in check.metrics} == set(DRIFT_METRICS)
