"""A failed, missing or repeated check fails the audit and its verdict."""

from datetime import date

import pandas as pd
import pytest

from step3_assets.catalogue.results import AUDIT
from step3_assets.domain.audit import run
from step3_assets.domain.audit.checks.time_travel import train_again
from step3_assets.domain.audit.inputs import AuditInputs, Evidence, sample_months
from step3_assets.domain.audit.run import CHECKS, audit_verdict, run_audit
from step3_assets.domain.core.hashing import frame_hash
from step3_assets.domain.core.months import add_months, month_range, month_start
from step3_assets_tests.domain.audit.audited import MONTHS


def of_checks(monkeypatch, honest, **stubs) -> pd.DataFrame:
    """The audit with checks that pass at once, but for those given."""
    quick = {name: lambda inputs: Evidence(True, "Looked.") for name in CHECKS}
    monkeypatch.setattr(run, "CHECKS", quick | stubs)
    advanced = []
    frame = run_audit(honest, on_check=lambda: advanced.append(1))
    assert len(advanced) == len(CHECKS)
    return frame


@pytest.fixture
def audited(honest, monkeypatch):
    return of_checks(monkeypatch, honest)


def test_results_that_pass_every_check_pass(audited):
    assert list(audited["check"]) == list(CHECKS)
    assert audited["is_passed"].all()
    assert frame_hash(audited, AUDIT)
    assert audit_verdict(audited) == f"AUDIT PASSED: {len(CHECKS)} of {len(CHECKS)} checks"


def test_a_check_that_cannot_be_run_has_not_passed(honest, monkeypatch):
    def broken(inputs):
        raise KeyError("open")

    frame = of_checks(monkeypatch, honest, fills_at_opens=broken)
    rows = frame.set_index("check")
    assert not rows.loc["fills_at_opens", "is_passed"]
    assert "Could not be run: KeyError" in str(rows.loc["fills_at_opens", "evidence"])
    assert audit_verdict(frame) == "AUDIT FAILED: fills_at_opens"


@pytest.mark.parametrize("check", CHECKS)
def test_a_check_that_was_left_out_fails(audited, check):
    assert audit_verdict(audited[audited["check"] != check]) == f"AUDIT FAILED: {check}"


def test_the_sample_is_spread_and_ends_with_the_last_month():
    months = month_range(date(2019, 1, 1), date(2023, 12, 1))
    assert sample_months(months, 2) == [date(2021, 6, 1), date(2023, 12, 1)]
    assert sample_months(months[:1], 3) == months[:1]


def test_bars_before_the_window_change_no_bit(honest):
    """Whoever trains a fold may hold more bars than its window; sums over them would round."""
    month = MONTHS[-1]
    first = month_start(add_months(month, -honest.config.folds.train_months))
    assert (honest.bars["date"] < first).any()
    wide = train_again(honest.events, honest.bars, month, honest.config)
    narrow = train_again(
        honest.events, honest.bars[honest.bars["date"] >= first], month, honest.config
    )
    assert list(wide["payload_sha256"]) == list(narrow["payload_sha256"])


def test_checks_side_by_side_come_in_their_order(honest: AuditInputs):
    frame = run_audit(honest, place=2)
    assert list(frame["check"]) == list(CHECKS)
    assert audit_verdict(frame).startswith("AUDIT PASSED")
