"""``step3 certify``: power, size and exit status, on made-up outcomes."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner, Result

from step3_assets.cli.certify import certify
from step3_assets.cli.failures import CommandFailed
from step3_assets.domain.pipeline import certification
from step3_assets.domain.pipeline.certification import WorldOutcome
from step3_assets.domain.worlds.families import FAMILIES
from step3_assets_tests.domain.outcomes import NULL, PLANTED


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("STEP3_HOME", str(tmp_path))

    def certified(*outcomes: WorldOutcome) -> Result:
        asked: list[int] = []

        def made_up(worlds: list, *_: object, **__: object) -> Iterator[WorldOutcome]:
            asked.append(len(worlds))
            yield from outcomes

        monkeypatch.setattr(certification, "certify", made_up)
        n_planted = sum(one.edge_bps > 0 for one in outcomes)
        result = CliRunner().invoke(
            certify, ["--planted", str(n_planted), "--null", str(len(outcomes) - n_planted)]
        )
        assert asked == [len(outcomes)]
        return result

    return certified


def test_both_bars_held(run, tmp_path: Path):
    result = run(PLANTED, *[replace(NULL, seed=seed) for seed in range(3)])
    assert result.exit_code == 0, result.output
    assert "Power     60% of the oracle captured" in result.output
    assert "mock baseline 20%" in result.output
    assert "Size      0 of 3 null worlds promoted" in result.output
    assert len(pd.read_csv(tmp_path / "certification" / "worlds.csv")) == 4


@pytest.mark.parametrize(
    ("outcomes", "message"),
    [
        ([replace(PLANTED, platform_total=0.02)], "power 40% is below 50%"),
        ([replace(PLANTED, mock_total=0.04)], "the mock baseline captures as much"),
        ([replace(NULL, is_promoted=True)], "1 null worlds were promoted"),
    ],
)
def test_a_bar_missed_is_a_failure(run, outcomes: list[WorldOutcome], message: str):
    result = run(*outcomes)
    assert isinstance(result.exception, CommandFailed)
    assert message in str(result.exception)


def test_no_world_is_no_certificate():
    result = CliRunner().invoke(certify, ["--planted", "0", "--null", "0"])
    assert "asks for no world" in str(result.exception)


def test_families_have_a_line_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("STEP3_HOME", str(tmp_path))

    def made_up(worlds: list, *_: object, **__: object) -> Iterator[WorldOutcome]:
        for world in worlds:
            yield replace(PLANTED, family=world.family, seed=world.seed)

    monkeypatch.setattr(certification, "certify", made_up)
    result = CliRunner().invoke(certify, ["--families", "--planted", "2", "--null", "0"])
    assert result.exit_code == 0, result.output
    for family in (*FAMILIES, "pooled"):
        assert f"\n{family}" in result.output
    assert "Worst     region: 60%" in result.output
