"""The runs that the sensor requests leave the same tables as one run on the new delivery."""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import dagster as dg

from step3_assets_tests.defs.desk import Desk, range_of
from step3_assets_tests.defs.installation import START, failure_text
from step3_assets_tests.deliveries import write_small_delivery

# What happened is kept: these tell of both deliveries.
HISTORY = {"datasets", "dataset_months", "revisions"}
ONLY = {"results": ["portfolio"]}  # the rest of the results is slow, and follows from these
AFTERWARDS = (("results",), ("shadow",))  # without months
FIRST, LAST = date(2021, 1, 1), date(2021, 2, 1)


def run_jobs(desk: Desk, *jobs: tuple, tags: Mapping[str, str] | None = None) -> None:
    for job, *months in jobs:
        result = desk.place.run(
            job, *months, assets=ONLY.get(job), instance=desk.instance, tags=tags
        )
        assert result.success, failure_text(result)


@contextmanager
def desk_of(home: Path, source: Path) -> Iterator[Desk]:
    with dg.DagsterInstance.ephemeral() as instance:
        desk = Desk(home, instance)
        desk.deliver(source)
        yield desk


def test_the_runs_it_asks_for_equal_a_whole_run(tmp_path: Path):
    early = write_small_delivery(
        tmp_path / "early", start=START, n_months=25, events_per_month=6, drop_last_bars=30
    )
    later = write_small_delivery(tmp_path / "later", start=START, n_months=26, events_per_month=6)
    with desk_of(tmp_path / "whole", later) as whole:
        run_jobs(whole, ("ingest", START, LAST), ("walk_forward", FIRST, LAST))
        run_jobs(whole, *AFTERWARDS)
        expected = whole.place.store.table_hashes()

    with desk_of(tmp_path / "weekly", early) as desk:
        run_jobs(desk, ("ingest", START, FIRST), ("walk_forward", FIRST, FIRST))
        assert "the stored rows are the same" in desk.says()
        shutil.rmtree(desk.folder)
        desk.deliver(later)
        asked = []
        while requests := desk.look(records_runs=False).run_requests:
            for request in requests:
                months = () if (request.job_name,) in AFTERWARDS else range_of(request.tags)
                run_jobs(desk, (request.job_name, *months), tags=request.tags)
                asked.append((request.job_name, *months))
        assert asked == [
            ("ingest", FIRST, LAST),
            ("walk_forward", FIRST, LAST),
            *AFTERWARDS,
        ]
        ours = desk.place.store.table_hashes()
    differing = {t for t in expected if ours[t] != expected[t]}
    assert differing <= HISTORY, differing - HISTORY
    assert ours["events"] == expected["events"]
