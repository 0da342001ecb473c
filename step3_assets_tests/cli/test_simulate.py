"""``step3 simulate`` from a terminal: its files, its output, its refusals."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from step3_assets.cli.failures import CommandFailed
from step3_assets.cli.simulate import simulate


def run(*arguments: str) -> Result:
    return CliRunner().invoke(simulate, arguments)


def test_a_world_is_written_and_told(tmp_path: Path):
    out = tmp_path / "world"
    result = run("--years", "0.5", "--edge-bps", "10", "--seed", "3", "--out", str(out))
    assert result.exit_code == 0, result.output
    assert "SYNTHETIC world: QQQ, SPY" in result.output
    assert "have a positive expectation" in result.output
    assert f"step3 run --delivery {out / 'step2_out'}" in result.output
    assert sorted(path.name for path in out.iterdir()) == [
        "bars",
        "oracle",
        "step2_out",
        "world.json",
    ]


def test_without_its_oracle(tmp_path: Path):
    out = tmp_path / "world"
    result = run("--years", "0.3", "--no-oracle", "--symbols", "AAA,BBB,CCC", "--out", str(out))
    assert result.exit_code == 0, result.output
    assert "Oracle" not in result.output
    assert list((out / "oracle").iterdir()) == []
    assert len(list((out / "bars").iterdir())) == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--symbols", "QQQ"], "at least 2"),
        (["--symbols", "QQQ,../SPY"], "ticker"),
        (["--years", "-1"], "'--years': -1.0 is not in the range"),
        (["--edge-bps", "500"], "'--edge-bps': 500.0 is not in the range"),
        (["--years", "0.003"], "'--years': 0.003 is not in the range"),
    ],
)
def test_a_world_that_cannot_be(tmp_path: Path, arguments: list[str], message: str):
    result = run("--out", str(tmp_path / "world"), *arguments)
    assert isinstance(result.exception, CommandFailed | SystemExit)
    assert message in f"{result.exception} {result.output}"
    assert not (tmp_path / "world").exists()


def test_a_folder_of_something_else_is_refused_before_any_work(tmp_path: Path):
    (tmp_path / "mine.txt").write_text("keep")
    result = run("--years", "60", "--out", str(tmp_path))
    assert "holds no world.json" in str(result.exception)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
