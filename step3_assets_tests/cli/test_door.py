"""A delivery that a verb is given: refused, it is not remembered, whichever verb it was."""

from pathlib import Path

import click
import pandas as pd
import pytest
from click.testing import CliRunner

from step3_assets.cli import ui as ui_module
from step3_assets.cli.failures import CommandFailed
from step3_assets.cli.main import VERBS, cli
from step3_assets_tests.deliveries import write_small_delivery

BEFORE = '# a comment\ndelivery = "earlier"\n'


def takers() -> list[list[str]]:
    """Every verb that may be given a delivery, found by its option."""
    context, found = click.Context(cli), []
    for verb in VERBS:
        command = cli.get_command(context, verb)
        assert command is not None
        if any(parameter.name == "delivery" for parameter in command.params):
            found.append([verb])
    return [*found, ["optuna-search", "--no-ingest"]]


@pytest.fixture(scope="module")
def deliveries(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("door")
    short, wrong = (write_small_delivery(folder / name, n_months=3) for name in ("short", "wrong"))
    path = wrong / "events" / "aaa_events.parquet"
    events = pd.read_parquet(path)
    events.loc[3, "cost_rt"] = -1.0
    events.to_parquet(path, index=False)
    return {"short": short, "wrong": wrong, "absent": folder / "absent"}


@pytest.mark.parametrize("arguments", takers(), ids=" ".join)
@pytest.mark.parametrize(
    ("name", "said"),
    [("wrong", "column cost_rt, row 3"), ("short", "too short"), ("absent", "is no folder")],
)
def test_a_refused_delivery_is_not_remembered(
    deliveries: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    name: str,
    said: str,
):
    monkeypatch.setenv("STEP3_HOME", str(tmp_path))
    monkeypatch.delenv("STEP3_DELIVERY", raising=False)
    (tmp_path / "step3.toml").write_text(BEFORE)
    result = CliRunner().invoke(cli, [*arguments, "--delivery", str(deliveries[name])])
    assert isinstance(result.exception, CommandFailed)
    assert said in str(result.exception)
    assert (tmp_path / "step3.toml").read_text() == BEFORE


def test_the_ui_remembers_a_delivery_that_is_accepted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("STEP3_HOME", str(tmp_path))
    monkeypatch.delenv("STEP3_DELIVERY", raising=False)
    (tmp_path / "step3.toml").write_text(f"{BEFORE}[config.folds]\ntrain_months = 24\n")
    delivery = write_small_delivery(tmp_path / "long", n_months=25, events_per_month=2)
    served = []
    monkeypatch.setattr(ui_module, "_serve", lambda *_: served.append(tmp_path))
    asked = ["ui", "--port", "39999", "--delivery", str(delivery)]
    CliRunner().invoke(cli, asked, catch_exceptions=False)
    assert served == [tmp_path]
    assert f'delivery = "{delivery}"' in (tmp_path / "step3.toml").read_text()
    looking = CliRunner().invoke(cli, [*asked, "--read-only"])
    assert "--read-only changes nothing" in str(looking.exception)
