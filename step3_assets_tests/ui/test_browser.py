"""What a person does in the UI: look at the graph, make a month by clicking, read what came out."""

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from step3_assets.cli.installation import DAGSTER_YAML, dagster_instance
from step3_assets.defs.resources import load_settings
from step3_assets_tests.defs.installation import FIRST_TEST, START, Installation, failure_text
from step3_assets_tests.deliveries import write_small_delivery
from step3_assets_tests.ui.servers import (
    CHROMIUM_ARGUMENTS,
    Server,
    chromium_path,
    running_ui,
)
from step3_assets_tests.waiting import wait_until

if TYPE_CHECKING:
    from playwright.sync_api import Page

MONTH = "2021-01-01"
FINISHED = ("SUCCESS", "FAILURE", "CANCELED")
RUNS = "{runsOrError(limit:1){... on Runs{results{status jobName}}}}"


@pytest.fixture
def place(tmp_path: Path) -> Installation:
    """A home whose delivery is ingested and whose first test month is still to be made."""
    delivery = write_small_delivery(
        tmp_path / "delivery", start=START, n_months=25, events_per_month=12
    )
    place = Installation(tmp_path / "home", delivery)
    settings = load_settings(place.home)
    settings.dagster_home.mkdir()
    (settings.dagster_home / "dagster.yaml").write_text(DAGSTER_YAML)
    return place


def ingest(place: Installation) -> None:
    with dagster_instance(load_settings(place.home)) as instance:
        result = place.run("ingest", START, FIRST_TEST, instance=instance)
    assert result.success, failure_text(result)


@pytest.mark.browser
def test_graph_loads_a_month_is_made_by_clicking_and_shows_its_figures(place: Installation):
    sync_api = pytest.importorskip("playwright.sync_api")
    executable = chromium_path()
    with running_ui(place.home) as server:
        ingest(place)  # while the servers start
        wait_until(server.is_ready, 60, "the code location loads")
        with sync_api.sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=executable, args=CHROMIUM_ARGUMENTS
            )
            page = browser.new_page(viewport={"width": 1500, "height": 1000})
            page.set_default_timeout(20_000)
            broken: list[str] = []
            page.on("pageerror", lambda error: broken.append(str(error)))
            look_at_the_graph(page, server)
            materialize_a_month(page, server)
            read_the_month(page, server)
            read_the_checks(page, server)
            browser.close()
        assert broken == []


def look_at_the_graph(page: "Page", server: Server) -> None:
    """Every group is drawn, and nothing on the page or the code location warns."""
    page.goto(f"{server.url}/asset-groups/~/lineage")
    for group in ("delivery", "walk_forward", "baselines", "results"):
        page.get_by_text(group, exact=True).first.wait_for()
    text = page.inner_text("body").lower()
    assert not re.search(r"warning|error|failed to load|unresolved", text)
    page.goto(f"{server.url}/deployment/locations")
    page.get_by_text("Loaded", exact=True).wait_for()
    page.get_by_text("step3_assets", exact=True).first.wait_for()


def materialize_a_month(page: "Page", server: Server) -> None:
    """From the page of the job: all its assets, one month, one run."""
    page.goto(f"{server.url}/locations/step3_assets/jobs/walk_forward")
    page.get_by_role("button", name="Materialize all").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("Show all partitions").click()
    months = dialog.locator("input[type=text]").first
    months.fill(MONTH)
    months.press("Enter")
    dialog.get_by_role("button", name="Launch 1 run").click()

    def finished() -> str:
        latest = server.ask(RUNS)["runsOrError"]["results"][0]
        is_ours = latest["jobName"] == "walk_forward"
        return latest["status"] if is_ours and latest["status"] in FINISHED else ""

    assert wait_until(finished, 90, "the run of the month") == "SUCCESS"


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


def read_the_checks(page: "Page", server: Server) -> None:
    """Each check of the folds, its verdict, and that it blocks."""
    page.goto(f"{server.url}/assets/folds?view=checks")
    for check in ("purge", "roles", "schema"):
        page.get_by_text(check, exact=True).first.wait_for()
    page.get_by_text("Passed", exact=True).first.wait_for()
    assert "This is a blocking asset check" in page.inner_text("body")
    assert page.get_by_text("Succeeded", exact=True).count() == 3


def test_no_browser_skips_with_the_reason(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("STEP3_CHROMIUM", raising=False)
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    with pytest.raises(pytest.skip.Exception, match="install Debian's `chromium`"):
        chromium_path()
