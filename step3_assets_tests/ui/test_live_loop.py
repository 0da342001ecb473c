"""The live loop on the real servers: two deliveries and a week, from files to the shadow's rows.

The servers are those of ``step3 ui``; their clock starts on a Saturday, is moved over a week while
they are stopped, and reaches a Monday's recalibration while they run. Between the two deliveries
comes one that is refused.
"""

import shutil
from datetime import UTC, date, datetime
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

from step3_assets.cli.main import cli
from step3_assets.defs.settings import load_settings
from step3_assets_tests.defs.installation import START, Installation
from step3_assets_tests.defs.receivers import web_receiver
from step3_assets_tests.deliveries import write_small_delivery
from step3_assets_tests.ui.moved_clock import PATIENT, RATE, clock_environment
from step3_assets_tests.ui.servers import Server, running_ui
from step3_assets_tests.waiting import wait_until

SATURDAY = datetime(2021, 1, 30, 12, 0, tzinfo=UTC)
MONDAY = datetime(2021, 2, 8, 10, 58, tzinfo=UTC)  # two minutes before 6:00 in New York
WEEK = date(2021, 2, 8)
SECONDS = 420  # a wait's limit, on a machine that may be busy
SELECTOR = (
    'repositoryName: "__repository__", repositoryLocationName: "step3_assets", {kind}Name: "{name}"'
)
RUNS = "{runsOrError(limit:50){... on Runs{results{status jobName}}}}"
BUSY = ("QUEUED", "NOT_STARTED", "STARTING", "STARTED", "MANAGED", "CANCELING")
QUICK = """\
[config.statistics]
n_resamples = 100
n_permutations = 99
[config.audit]
sampled_folds = 1
sampled_decisions = 1
sampled_prefixes = 1
[notify]
channel = "webhook"
[notify.webhook]
url = "http://127.0.0.1:{port}/hook"
"""


@pytest.fixture
def place(tmp_path: Path) -> Installation:
    """A home that watches an empty folder; the first delivery ends in the last week of March."""
    incoming = tmp_path / "incoming"
    incoming.mkdir()
    place = Installation(tmp_path / "home", incoming)
    settings = load_settings(place.home)
    settings.dagster_home.mkdir()
    (settings.dagster_home / "dagster.yaml").write_text(PATIENT)
    return place


def deliver(tmp_path: Path, n_months: int, drop_last_bars: int, *, is_wrong: bool = False) -> None:
    source = write_small_delivery(
        tmp_path / f"delivery_{n_months}",
        start=START,
        n_months=n_months,
        events_per_month=12,
        drop_last_bars=drop_last_bars,
        has_pending=True,
        is_synthetic=True,
    )
    if is_wrong:
        path = source / "events" / "aaa_events.parquet"
        events = pd.read_parquet(path)
        events.loc[3, "cost_rt"] = -1.0
        events.to_parquet(path, index=False)
    shutil.copytree(source, tmp_path / "incoming", dirs_exist_ok=True)


def switch_on(server: Server, kind: str, name: str) -> None:
    field = f"start{kind.capitalize()}"
    selector = SELECTOR.format(kind=kind, name=name)
    answer = server.ask(
        f"mutation{{{field}({kind}Selector: {{{selector}}}){{__typename "
        "... on PythonError{message}}}"
    )
    assert "Error" not in answer[field]["__typename"], answer


def runs(server: Server) -> list[tuple[str, str]]:
    found = server.ask(RUNS)["runsOrError"]["results"]
    return [(run["jobName"], run["status"]) for run in found]


def is_done(server: Server, place: Installation, n_arrivals: int) -> bool:
    """Whether an arrival is stored and nothing is under way; a failed run fails the test."""
    now = runs(server)
    assert [run for run in now if run[1] in ("FAILURE", "CANCELED")] == []
    arrivals = (
        place.store.read("shadow_deliveries") if load_settings(place.home).database.exists() else []
    )
    return len(arrivals) == n_arrivals and not any(status in BUSY for _, status in now)


def status() -> str:
    return CliRunner().invoke(cli, ["status"], catch_exceptions=False).output


@pytest.mark.browser
def test_two_deliveries_and_a_week_on_the_real_servers(
    place: Installation, tmp_path: Path, monkeypatch
):
    monkeypatch.setenv("STEP3_HOME", str(place.home))
    deliver(tmp_path, 25, drop_last_bars=30)
    clock = tmp_path / "clock"
    with (
        web_receiver() as received,
        running_ui(place.home, clock_environment(clock, SATURDAY, RATE)) as server,
    ):
        with (place.home / "step3.toml").open("a") as settings:
            settings.write(QUICK.format(port=received.port))
        wait_until(server.is_ready, SECONDS, "the code location loads")
        switch_on(server, "sensor", "delivery_sensor")
        switch_on(server, "schedule", "weekly_recalibration")
        wait_until(lambda: is_done(server, place, 1), SECONDS, "the shadow takes the delivery")
        assert {job for job, _ in runs(server)} >= {"ingest", "walk_forward", "results", "shadow"}
        first = place.store.read("shadow_decisions")
        assert len(first) > 0
        deliver(tmp_path, 25, drop_last_bars=20, is_wrong=True)
        wait_until(lambda: received.bodies, SECONDS, "the refusal is told")
        (told,) = received.bodies
        assert "Step 2 delivery refused" in told["text"]
        assert "column cost_rt, row 3" in told["text"]
        said = "refused: events/aaa_events.parquet"
        wait_until(lambda: said in status(), SECONDS, "the tick that refused it has ended")
    deliver(tmp_path, 26, drop_last_bars=105)
    with running_ui(place.home, clock_environment(clock, MONDAY, RATE)) as server:
        wait_until(server.is_ready, SECONDS, "the code location loads")
        wait_until(lambda: is_done(server, place, 2), SECONDS, "the shadow takes the next one")
        wait_until(
            lambda: WEEK in place.store.partitions("recalibrations"), SECONDS, "Monday's week"
        )
    second = place.store.read("shadow_decisions")
    assert set(second["arrival"]) == {1, 2}
    assert len(place.store.read("portfolio_equity")) > 0
    weeks = place.store.read("recalibrations")
    assert weeks["week"].is_unique
    shown = status()
    assert "sensor    on; " in shown
    assert "FAILED" not in shown
