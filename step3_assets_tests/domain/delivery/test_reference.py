"""The real delivery reads clean, quickly, and as often as it is asked."""

import time

import pytest

from step3_assets.domain.delivery import label_arithmetic_problems, probe_months, read_delivery

MAX_SECONDS = 10.0  # it takes two alone on a core; the machine may be shared


@pytest.fixture(scope="module")
def timed(reference_dir):
    start = time.perf_counter()
    delivery = read_delivery(reference_dir / "step2_out")
    return delivery, time.perf_counter() - start


def test_the_real_delivery_is_accepted(timed):
    delivery, seconds = timed
    assert delivery.symbols == ("QQQ", "SPY")
    assert set(delivery.events["maturity"]) <= {"final", "provisional", "pending"}
    assert delivery.published_baseline is not None
    assert not delivery.is_synthetic
    assert seconds < MAX_SECONDS


def test_its_labels_follow_from_its_prices(timed):
    assert label_arithmetic_problems(timed[0].events) == []


def test_its_span_is_known_without_reading_it(timed, reference_dir):
    delivery = timed[0]
    first, last, _ = probe_months(reference_dir / "step2_out")
    assert (first, last) == (delivery.first_month, delivery.last_month)
