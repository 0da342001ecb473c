"""Messages of ``step3 run`` when something is wrong."""

import re
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner

from step3_assets.cli.main import cli
from step3_assets.cli.running import _plain
from step3_assets_tests.deliveries import write_small_delivery


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "step3_assets.domain.delivery.problems.DeliveryError: events/a.parquet: truncated\n",
            "events/a.parquet: truncated",
        ),
        ("ValueError: folds holds no such month", "folds holds no such month"),
        ("3 of 5 months failed", "3 of 5 months failed"),
        ("KeyError: 'close'", "KeyError: 'close' (`step3 ui` has the run's log)"),
    ],
)
def test_a_refusal_is_its_message_and_a_defect_keeps_its_name(text: str, said: str):
    assert _plain(text) == said


def test_a_delivery_shorter_than_a_fold_says_how_long_it_has_to_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """A beginner's first quarter: no range that stands backwards, and nothing is remembered."""
    delivery = write_small_delivery(
        tmp_path / "delivery", start=date(2019, 1, 1), n_months=3, events_per_month=10
    )
    monkeypatch.setenv("STEP3_HOME", str(tmp_path / "home"))
    result = CliRunner().invoke(cli, ["run", "--delivery", str(delivery)])
    said = result.output + str(result.exception)
    assert result.exit_code == 1, said
    assert "the delivery is too short: it holds 3 month(s), 2019-01 to 2019-03" in said
    ranges = re.findall(r"(\d{4}-\d\d) to (\d{4}-\d\d)", said)
    assert ranges
    assert all(first <= last for first, last in ranges)
    assert "37 months" in said
    assert not (tmp_path / "home" / "step3.toml").exists()
