"""What a person does in the UI: look at the graph, switch the automation on, make a month and a
range of months by clicking, read what came out, deliver new data and see what is asked for.

With STEP3_SCREENSHOTS naming a folder, the pages are kept there as pictures (docs/img).
"""

import json
import os
import re
import shutil
import subprocess
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from step3_assets.cli.installation import dagster_instance
from step3_assets.defs.settings import load_settings
from step3_assets.domain.core.months import add_months
from step3_assets_tests.defs.desk import restate
from step3_assets_tests.defs.installation import FIRST_TEST, START, Installation, failure_text
from step3_assets_tests.deliveries import write_small_delivery
from step3_assets_tests.ui.attacks import IS_PAUSED, PAUSE, REBOUND, attack, rebind
from step3_assets_tests.ui.moved_clock import PATIENT, RATE, clock_environment
from step3_assets_tests.ui.servers import (
    CHROMIUM_ARGUMENTS,
    Server,
    chromium_path,
    running_ui,
)
from step3_assets_tests.waiting import wait_until

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

MONTH, NEXT_MONTHS = "2021-01-01", ("2021-02-01", "2021-03-01")
REVISED = date(2021, 2, 1)
FINISHED = ("SUCCESS", "FAILURE", "CANCELED")
RUNS = "{runsOrError(limit:9){... on Runs{results{status jobName tags{key value}}}}}"
BACKFILLS = "{partitionBackfillsOrError(limit:1){... on PartitionBackfills{results{status}}}}"
AUTOMATION = {
    "sensors": ("delivery_sensor", "run_failure_notifier", "tick_failure_notifier"),
    "schedules": ("weekly_recalibration",),
}
ON_FROM_THE_START = ("run_failure_notifier", "tick_failure_notifier")
SECONDS = 180  # a wait's limit: the daemon looks every 30 s, on a machine that may be busy


@pytest.fixture
def place(tmp_path: Path) -> Installation:
    """A home whose delivery is ingested and whose test months are still to be made."""
    delivery = write_small_delivery(
        tmp_path / "delivery", start=START, n_months=27, events_per_month=12, is_synthetic=True
    )
    place = Installation(tmp_path / "home", delivery)
    settings = load_settings(place.home)
    settings.dagster_home.mkdir()
    (settings.dagster_home / "dagster.yaml").write_text(PATIENT)
    return place


def ingest(place: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load_settings(place.home)
    monkeypatch.setenv("DAGSTER_HOME", str(settings.dagster_home))
    with dagster_instance(settings) as instance:
        result = place.run("ingest", START, add_months(FIRST_TEST, 2), instance=instance)
    assert result.success, failure_text(result)


@pytest.mark.browser
def test_a_desk_s_day_in_the_browser(
    place: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    sync_api = pytest.importorskip("playwright.sync_api")
    executable = chromium_path()
    clock = clock_environment(tmp_path / "clock", datetime.now(UTC), RATE)
    with running_ui(place.home, clock) as server:
        ingest(place, monkeypatch)  # while the servers start
        wait_until(server.is_ready, SECONDS, "the code location loads")
        with sync_api.sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=executable,
                args=[*CHROMIUM_ARGUMENTS, f"--host-resolver-rules=MAP {REBOUND} 127.0.0.1"],
            )
            page = browser.new_page(viewport={"width": 1500, "height": 1000})
            page.set_default_timeout(60_000)
            broken: list[str] = []
            page.on("pageerror", lambda error: broken.append(str(error)))
            look_at_the_graph(page, server)
            attack_from_another_origin(browser, server)
            switch_the_automation_on(page, server)
            materialize_a_month(page, server)
            start_a_backfill(page, server)
            read_the_month(page, server)
            read_the_checks(page, server)
            watch_the_backfill_finish(page, server)
            deliver_a_revision(page, server, place)
            browser.close()
        assert broken == []


def attack_from_another_origin(browser: "Browser", server: Server) -> None:
    """A page on another origin, and one under a foreign name, change nothing and read nothing."""
    found = attack(browser, server.url)
    assert found == {"tried": 20, "readable": 0, "opened": False}
    assert server.ask(IS_PAUSED) == {"instance": {"autoMaterializePaused": True}}
    status, text = rebind(browser, server.url)
    assert status == 403
    assert "dagster" not in text
    try_with_curl(server)
    assert server.ask(PAUSE % "false") == {"setAutoMaterializePaused": False}, "JSON, no origin"
    server.ask(PAUSE % "true")


def try_with_curl(server: Server) -> None:
    """The same without a browser: mutations over GET, foreign hosts and origins."""
    curl = shutil.which("curl")
    if curl is None:
        return
    url, query = f"{server.url}/graphql", quote(PAUSE % "false")
    body = ["--data", json.dumps({"query": PAUSE % "false"})]
    is_json = ["-H", "content-type: application/json"]
    for arguments in (
        [f"{url}?query={query}"],
        ["-I", f"{url}?query={query}"],
        ["-X", "POST", f"{url}?query={query}"],
        [url, *body],
        [url, *body, *is_json, "-H", "host: attacker.example"],
        [url, *body, *is_json, "-H", "origin: http://attacker.example"],
        [url, *body, *is_json, "-H", "origin: null"],
    ):
        shown = [curl, "-s", "-o", os.devnull, "-w", "%{http_code}", "-m", "20", *arguments]
        answer = subprocess.run(shown, capture_output=True, text=True, check=True)
        assert answer.stdout == "403", arguments
    assert server.ask(IS_PAUSED) == {"instance": {"autoMaterializePaused": True}}


def keep(page: "Page", name: str) -> None:
    """A picture of the page, where somebody asked for pictures."""
    folder = os.environ.get("STEP3_SCREENSHOTS")
    if folder:
        page.wait_for_timeout(1500)  # what moves has come to rest
        page.screenshot(path=Path(folder) / f"ui_{name}.png")


def tags(run: dict[str, Any]) -> dict[str, str]:
    return {tag["key"]: tag["value"] for tag in run["tags"]}


def runs(server: Server) -> list[dict[str, Any]]:
    """The latest runs, newest first."""
    return server.ask(RUNS)["runsOrError"]["results"]


def look_at_the_graph(page: "Page", server: Server) -> None:
    """Every group is drawn, and nothing on the page or the code location warns."""
    page.goto(f"{server.url}/asset-groups/~/lineage")
    for group in ("delivery", "walk_forward", "baselines", "search", "results", "live"):
        page.get_by_text(group, exact=True).first.wait_for()
    keep(page, "graph")
    text = page.inner_text("body").lower()
    assert not re.search(r"warning|error|failed to load|unresolved", text)
    page.goto(f"{server.url}/deployment/locations")
    page.get_by_text("Loaded", exact=True).wait_for()
    page.get_by_text("step3_assets", exact=True).first.wait_for()


def switch_the_automation_on(page: "Page", server: Server) -> None:
    """Each has a switch on its own page; what acts is off at first, what only tells is on."""
    for kind, names in AUTOMATION.items():
        for name in names:
            page.goto(f"{server.url}/locations/step3_assets/{kind}/{name}")
            switch = page.locator("input[type=checkbox]").first
            switch.wait_for(state="attached")
            assert switch.is_checked() == (name in ON_FROM_THE_START)
            if not switch.is_checked():
                switch.locator("xpath=..").click()
            page.wait_for_function("() => document.querySelector('input[type=checkbox]').checked")
    page.goto(f"{server.url}/automation")
    for name in (name for names in AUTOMATION.values() for name in names):
        page.get_by_text(name, exact=True).first.wait_for()
    keep(page, "automation")


def choose_months(page: "Page", server: Server, months: str) -> "Locator":
    """The dialog of the job's page, the months typed."""
    page.goto(f"{server.url}/locations/step3_assets/jobs/walk_forward")
    page.get_by_role("button", name="Materialize all").click()
    dialog = page.get_by_role("dialog")
    box = dialog.locator("input[type=text]").first
    box.fill(months)
    box.press("Enter")
    return dialog


def materialize_a_month(page: "Page", server: Server) -> None:
    """From the page of the job: all its assets, one month, one run."""
    choose_months(page, server, MONTH).get_by_role("button", name="Launch 1 run").click()

    def finished() -> str:
        latest = runs(server)[0]
        is_ours = latest["jobName"] == "walk_forward"
        return latest["status"] if is_ours and latest["status"] in FINISHED else ""

    assert wait_until(finished, SECONDS, "the run of the month") == "SUCCESS"


def start_a_backfill(page: "Page", server: Server) -> None:
    """Several months, one backfill, which is one run."""
    dialog = choose_months(page, server, f"[{'...'.join(NEXT_MONTHS)}]")
    launch = dialog.get_by_role("button", name="Launch backfill")
    launch.wait_for()
    keep(page, "backfill")
    launch.click()


def watch_the_backfill_finish(page: "Page", server: Server) -> None:
    """On its page; each of its months then stands as made."""

    def finished() -> str:
        found = server.ask(BACKFILLS)["partitionBackfillsOrError"]["results"]
        status = found[0]["status"] if found else ""
        return status if status.startswith(("COMPLETED", "FAILED", "CANCELED")) else ""

    assert wait_until(finished, SECONDS, "the backfill") == "COMPLETED_SUCCESS"
    latest = runs(server)[0]
    assert tags(latest)["dagster/asset_partition_range_start"] == NEXT_MONTHS[0]
    assert tags(latest)["dagster/asset_partition_range_end"] == NEXT_MONTHS[1]
    page.goto(f"{server.url}/assets/scores?view=partitions&partition={NEXT_MONTHS[1]}")
    page.get_by_text("rows gated", exact=True).first.wait_for()


def deliver_a_revision(page: "Page", server: Server, place: Installation) -> None:
    """A value of a month changes: that month is ingested, then what rests on it is made again."""
    delivery = load_settings(place.home).delivery
    assert delivery is not None
    restate(delivery, "AAA", REVISED)

    def asked() -> list[tuple[str, str, str]]:
        ours = [tags(r) | {"job": r["jobName"]} for r in runs(server)]
        return [
            (
                run["job"],
                run.get("dagster/asset_partition_range_start", ""),
                run.get("dagster/asset_partition_range_end", ""),
            )
            for run in ours
            if run.get("dagster/sensor_name") == "delivery_sensor"
        ][::-1]

    wanted = [
        ("ingest", "2021-02-01", "2021-02-01"),
        ("walk_forward", "2021-02-01", "2021-03-01"),
    ]
    wait_until(lambda: len(asked()) >= len(wanted), SECONDS, "the sensor asks for months")
    assert asked()[: len(wanted)] == wanted
    page.goto(f"{server.url}/locations/step3_assets/sensors/delivery_sensor")
    page.get_by_text("1 requested").or_(page.get_by_text("1 run requested")).first.wait_for()
    keep(page, "sensor")


def read_the_month(page: "Page", server: Server) -> None:
    """Counts of each drop reason, figures and the reliability plot."""
    page.goto(f"{server.url}/assets/folds?view=partitions&partition={MONTH}")
    for shown in ("Materialized", "rows fit", "rows purged", "rows embargoed", "embargo (bars)"):
        page.get_by_text(shown, exact=True).first.wait_for()
    page.goto(f"{server.url}/assets/calibrated_models?view=partitions&partition={MONTH}")
    page.get_by_text("Brier calibrated (out of fold)").wait_for()
    page.get_by_text("[Show Markdown]").last.click()
    plot = page.get_by_role("dialog").locator("img")
    plot.wait_for()
    assert str(plot.get_attribute("src")).startswith("data:image/png;base64,")
    width, box = plot.evaluate("i => i.naturalWidth"), plot.bounding_box()
    assert width > 300
    assert box is not None
    assert box["x"] + box["width"] <= 1500
    keep(page, "month")


def read_the_checks(page: "Page", server: Server) -> None:
    """Each check of the folds, its verdict, and that it blocks."""
    page.goto(f"{server.url}/assets/folds?view=checks")
    for check in ("purge", "roles", "schema"):
        page.get_by_text(check, exact=True).first.wait_for()
    page.get_by_text("Passed", exact=True).first.wait_for()
    assert "This is a blocking asset check" in page.inner_text("body")
    assert page.get_by_text("Succeeded", exact=True).count() == 3
    keep(page, "checks")


def test_no_browser_skips_with_the_reason(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("STEP3_CHROMIUM", raising=False)
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    with pytest.raises(pytest.skip.Exception, match="install Debian's `chromium`"):
        chromium_path()
