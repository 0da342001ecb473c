"""SIGKILL at random moments, to the process and all it started: a re-run ends as a quiet run ends.

The moments are drawn, from a seed, over the whole length of an undisturbed run. Three verbs are
killed: the ingest of a delivery, the walk-forward of a range of months, the search of an epoch.
"""

import os
import random
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from step3_assets.cli.installation import DAGSTER_YAML, dagster_instance
from step3_assets.defs.settings import load_settings
from step3_assets.storage.store import Store
from step3_assets_tests.defs.installation import FIRST_TEST, START, TOML
from step3_assets_tests.defs.test_search import SEARCH
from step3_assets_tests.deliveries import write_small_delivery
from step3_assets_tests.reliability.rounds import rounds
from step3_assets_tests.reliability.victims import (
    kill_after,
    run_to_the_end,
    run_verb,
    start,
)

pytestmark = pytest.mark.skipif(os.name != "posix", reason="kills processes")

INGEST = ["train-dataset", "--to", f"{FIRST_TEST:%Y-%m}"]
WALK = ["train-models", "--workers", "2"]
SEARCH_VERB = ["optuna-search", "--workers", "2"]


@dataclass(frozen=True)
class Quiet:
    """Homes before and after each verb, undisturbed, and how long each took."""

    before: dict[str, Path]
    hashes: dict[str, dict[str, str]]
    seconds: dict[str, float]


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Quiet:
    folder = tmp_path_factory.mktemp("quiet")
    delivery = write_small_delivery(
        folder / "delivery", start=START, n_months=30, events_per_month=12
    )
    home = folder / "new"
    make_home(home, delivery)
    before, hashes, seconds = {}, {}, {}
    for name, words in (("ingest", INGEST), ("walk", WALK), ("search", SEARCH_VERB)):
        if name == "walk":
            run_to_the_end(home, ["train-dataset"])  # the folds of all months
        before[name] = folder / name
        shutil.copytree(home, before[name])
        seconds[name] = run_to_the_end(home, words)
        hashes[name] = stored(home)
    return Quiet(before, hashes, seconds)


def make_home(home: Path, delivery: Path) -> None:
    """With its Dagster home and empty tables: what is killed below is work, not the first start."""
    settings = load_settings(home)
    settings.dagster_home.mkdir(parents=True)
    (settings.dagster_home / "dagster.yaml").write_text(DAGSTER_YAML)
    (home / "step3.toml").write_text(TOML.format(delivery=delivery) + SEARCH)
    with dagster_instance(settings):
        Store(settings.database).ensure_tables()


def stored(home: Path) -> dict[str, str]:
    return Store(home / "step3.duckdb", lock_timeout_s=5).table_hashes()


def run_statuses(home: Path) -> list[str]:
    with dagster_instance(load_settings(home)) as instance:
        return [run.status.value for run in instance.get_runs()]


@pytest.mark.parametrize(
    ("name", "words"),
    [("ingest", INGEST), ("walk", WALK), ("search", SEARCH_VERB)],
    ids=["ingest", "backfill", "search"],
)
def test_killed_at_random_moments_and_run_again(
    quiet: Quiet, tmp_path: Path, name: str, words: list[str]
) -> None:
    chance = random.Random(f"moments of {name}")
    count = rounds(2)
    n_between = 0
    for number in range(count):
        home, seconds = tmp_path / f"{number}", quiet.seconds[name]
        while True:
            shutil.copytree(quiet.before[name], home)
            start_hashes = stored(home)
            if kill_after(start(run_verb, home, words), chance.uniform(0.0, seconds)):
                break
            shutil.rmtree(home)  # it was faster than the quiet run: an earlier moment, then
            seconds /= 2
        left = stored(home)  # opens at once: no lock stays behind
        n_between += left not in (start_hashes, quiet.hashes[name])
        run_to_the_end(home, words)
        assert stored(home) == quiet.hashes[name]
        assert not {"STARTED", "STARTING"} & set(run_statuses(home))
        shutil.rmtree(home)
    print(f"{name}: {count} killed, {n_between} of them left a part of the months")
