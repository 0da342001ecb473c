"""SIGKILL at random moments of a shadow replay: the ledger ends as that of an undisturbed one."""

import random
import shutil
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from step3_assets.domain.step2.build import build_delivery
from step3_assets.domain.step2.knobs import Step2Config
from step3_assets.domain.step2.write import write_delivery
from step3_assets.storage.store import Store
from step3_assets_tests.defs.installation import failure_text
from step3_assets_tests.defs.test_shadow import MONTH, Eager
from step3_assets_tests.domain.step2.small_bars import random_bars
from step3_assets_tests.reliability.rounds import rounds
from step3_assets_tests.reliability.victims import kill_after, run_to_the_end, run_verb, start


@dataclass(frozen=True)
class Played:
    """A home before a replay, what an undisturbed one makes of it, and how long that takes."""

    before: Path
    words: list[str]
    hashes: dict[str, str]
    seconds: float


def stored(home: Path) -> dict[str, str]:
    return Store(home / "step3.duckdb", lock_timeout_s=5).table_hashes()


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    folder = tmp_path_factory.mktemp("replay")
    (folder / "bars").mkdir()
    bars = {}
    for seed, symbol in enumerate(("AAA", "BBB")):
        bars[symbol] = random_bars(seed, date(2021, 6, 1), date(2023, 7, 28), drift=5e-4)
        bars[symbol].to_parquet(folder / "bars" / f"{symbol.lower()}.parquet", index=False)
    built = build_delivery(bars, Step2Config(), as_of=None, emit_pending=True)
    write_delivery(built, folder / "delivery")
    place = Eager(folder / "home", folder / "delivery")
    for job, first in (("ingest", date(2021, 6, 1)), ("walk_forward", MONTH)):
        result = place.run(job, first, MONTH)
        assert result.success, failure_text(result)
    shutil.copytree(place.home, folder / "before")
    month = f"{MONTH:%Y-%m}"
    words = [
        "shadow", "replay", "--bars", str(folder / "bars"), "--from", month, "--to", month
    ]  # fmt: skip
    seconds = run_to_the_end(place.home, words)
    taken = Store(place.home / "step3.duckdb").read("shadow_positions")
    assert isinstance(taken, pd.DataFrame)
    assert len(taken) > 0
    return Played(folder / "before", words, stored(place.home), seconds)


def test_a_replay_killed_at_random_moments_and_run_again(played: Played, tmp_path: Path) -> None:
    chance = random.Random("moments of replay")
    count = rounds(1)
    n_between = 0
    untouched = stored(played.before)
    for number in range(count):
        home, seconds = tmp_path / f"{number}", played.seconds
        while True:
            shutil.copytree(played.before, home)
            if kill_after(start(run_verb, home, played.words), chance.uniform(0.0, seconds)):
                break
            shutil.rmtree(home)  # it was faster than the quiet run: an earlier moment, then
            seconds /= 2
        n_between += stored(home) not in (untouched, played.hashes)
        run_to_the_end(home, played.words)
        assert stored(home) == played.hashes
        shutil.rmtree(home)
    print(f"replay: {count} killed, {n_between} of them between two steps")
