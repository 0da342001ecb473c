"""Settings that were run on the test months are recorded and deflate later results."""

from pathlib import Path

from step3_assets_tests.defs.installation import FIRST_TEST, START, Installation, failure_text
from step3_assets_tests.deliveries import write_small_delivery

JUDGED = ["portfolio", "statistics"]


def said_of_choosing(place: Installation) -> str:
    rows = place.store.read("statistics").set_index("name")
    return str(rows.loc["backtest_overfitting", "sentence"])


def make(place: Installation, *jobs: tuple) -> None:
    for job, first, last, assets in jobs:
        result = place.run(job, first, last, assets=assets)
        assert result.success, failure_text(result)


def test_a_second_try_with_other_settings_counts(tmp_path: Path):
    delivery = write_small_delivery(
        tmp_path / "delivery", start=START, n_months=26, events_per_month=12
    )
    place = Installation(tmp_path / "home", delivery)
    months = ("walk_forward", FIRST_TEST, FIRST_TEST, None)
    results = ("results", None, None, JUDGED)
    make(place, ("ingest", START, FIRST_TEST, None), months, results, results)
    assert "one configuration met the test months" in said_of_choosing(place)
    settings = place.home / "step3.toml"
    settings.write_text(settings.read_text() + "[config.gate]\nk = 0.0\n")
    decide = ("walk_forward", FIRST_TEST, FIRST_TEST, ["scores", "fold_backtests"])
    make(place, decide, results)
    assert "2 trials" in said_of_choosing(place)
    assert set(place.store.read("evaluations")["settings"].str.contains('"k": 0.0')) == {
        True,
        False,
    }
