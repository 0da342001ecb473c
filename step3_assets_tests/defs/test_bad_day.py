"""Runs that are killed and started again twice at once: the tables equal an undisturbed run."""

import os
import signal
from datetime import date
from pathlib import Path

from step3_assets.domain.core.months import add_months
from step3_assets_tests.defs.installation import START, Installation, failure_text
from step3_assets_tests.deliveries import write_small_delivery
from step3_assets_tests.reliability.victims import start
from step3_assets_tests.waiting import wait_until

LAST = add_months(START, 13)


def ingest(home: Path, delivery: Path) -> None:
    """Run in a process of its own."""
    result = Installation(home, delivery).run("ingest", START, LAST)
    assert result.success, failure_text(result)


def stored_months(place: Installation) -> list[date]:
    return place.store.partitions("bar_features")


def test_killed_and_run_again_twice_at_once(tmp_path: Path):
    delivery = write_small_delivery(
        tmp_path / "delivery", start=START, n_months=14, events_per_month=6
    )
    quiet = Installation(tmp_path / "quiet", delivery)
    assert quiet.run("ingest", START, LAST).success

    place = Installation(tmp_path / "home", delivery)
    assert place.store.partitions("bar_features") == []
    first = start(ingest, place.home, delivery)
    wait_until(lambda: stored_months(place), 60, "the first months are stored")
    assert first.pid is not None
    os.kill(first.pid, signal.SIGKILL)
    first.join(60)
    assert first.exitcode == -signal.SIGKILL

    both = [start(ingest, place.home, delivery) for _ in range(2)]
    for process in both:
        process.join(120)
    assert [process.exitcode for process in both] == [0, 0]
    assert place.store.table_hashes() == quiet.store.table_hashes()
