"""``step3 registry`` and ``step3 reproduce`` on a small installation, planted faults with them."""

import json
import multiprocessing
import shutil
from datetime import date
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner, Result

from step3_assets.cli.main import cli
from step3_assets.config import Step3Config
from step3_assets.defs.provenance import result_stamp
from step3_assets.defs.registry import registry_store
from step3_assets.defs.registry.registry_store import (
    Request,
    current_version,
    promote_in_store,
    read_registry,
    register_stored,
    write_registry_file,
)
from step3_assets.defs.registry.registry_store import change_now as now
from step3_assets.defs.results.evaluation import EvaluatedAgain, evidence_token
from step3_assets.defs.results.result_months import result_months
from step3_assets.defs.settings import load_settings
from step3_assets.domain.acceptance.verdict import judge
from step3_assets.domain.audit.run import CHECKS
from step3_assets.domain.core.months import add_months
from step3_assets.domain.models.text_format import payload_sha256
from step3_assets.domain.registry.document import read_document
from step3_assets.domain.registry.errors import RegistryError
from step3_assets.storage import files
from step3_assets.storage.store import Store
from step3_assets_tests.defs.installation import FIRST_TEST, LAST, Installation, failure_text
from step3_assets_tests.domain.acceptance.test_verdict import passing_tables


@pytest.fixture
def place(judged: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installation:
    """A copy of the judged home for one test, which the command line looks at."""
    shutil.copytree(judged, tmp_path, dirs_exist_ok=True)
    monkeypatch.setenv("STEP3_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "200")
    return Installation(tmp_path / "home", Path("../delivery"))


@pytest.fixture
def good(place: Installation, monkeypatch: pytest.MonkeyPatch) -> Installation:
    """The copy with a verdict that says PROMOTE, as a good system would have left it.

    Two months of noise promote nothing, so what a promotion computes again is put in its place;
    ``defs/test_evidence.py`` leaves that alone.
    """

    def stored_verdict(store: Store, *_: object) -> EvaluatedAgain:
        return EvaluatedAgain(store.read("acceptance"), (), evidence_token(store))

    monkeypatch.setattr(registry_store, "evaluate_again", stored_verdict)
    settings, store = load_settings(place.home), place.store
    acceptance = judge(passing_tables(), Step3Config())
    audit = pd.DataFrame(
        [(name, i, True, "looked at") for i, name in enumerate(CHECKS, start=1)],
        columns=["check", "position", "is_passed", "evidence"],
    )
    version = current_version(store, settings.config)
    versions = version.written(
        version.written(store.read("result_versions"), "audit"), "acceptance"
    )
    months = result_months(store)
    store.replace_all({"audit": audit}, result_stamp(store, "audit", months, settings.config))
    stamp = result_stamp(store, "acceptance", months, settings.config)
    store.replace_all({"acceptance": acceptance}, stamp)
    store.replace_all({"result_versions": versions})
    register_stored(store, settings.config, now("test"))
    return place


def step3(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


def failure(*arguments: str) -> str:
    """What a verb said when it refused."""
    result = step3(*arguments)
    assert result.exit_code == 1
    assert result.exception is not None
    return str(result.exception)


def stages(place: Installation) -> dict[str, str]:
    models = place.store.read("model_registry")
    return dict(zip(models["model_id"].str[:12], models["stage"], strict=True))


def document(place: Installation):
    return read_document(load_settings(place.home).registry_file.read_text("utf-8"))


def alter_payload(store: Store, month: date, head: str = "ridge") -> None:
    """Change a stored model as an attacker would: the hash beside it agrees."""
    models = store.read("calibrated_models", partitions=[month])
    row = models["head"] == head
    models.loc[row, "payload"] += " "
    models.loc[row, "payload_sha256"] = models.loc[row, "payload"].map(payload_sha256)
    store.replace_partitions({"calibrated_models": models}, [month])


def test_the_main_job_registers_every_fold_and_watches_the_newest(place: Installation):
    assert stages(place) == {"fold-2021-01": "candidate", "fold-2021-02": "shadow"}
    row = read_registry(place.store).models.iloc[0]
    stored = place.store.read("calibrated_models", partitions=[FIRST_TEST])
    assert json.loads(row["artefacts"]) == dict(
        zip(stored["head"], stored["payload_sha256"], strict=True)
    )
    assert row["members_hash"] == stored["members_hash"].iloc[0]
    assert row["parameters_source"] == "step3.toml"
    assert 0 < json.loads(row["metrics"])["brier"] < 1
    assert row["verdict"].startswith("PROMOTE NOTHING: failed ")
    assert [m.stage for m in document(place).models] == ["candidate", "shadow"]


def test_materialized_again_nothing_changes_not_even_the_file(place: Installation):
    before, text = place.store.table_hashes(), document(place)
    result = Installation.run(place, "results", assets=["model_registry"])
    assert result.success, failure_text(result)
    assert place.store.table_hashes() == before
    assert document(place) == text


def test_a_random_market_is_not_promoted_and_every_failing_criterion_is_named(place: Installation):
    said = failure("registry", "promote", "shadow", "--reason", "hope")
    acceptance = place.store.read("acceptance")
    failed = list(acceptance.loc[~acceptance["is_passed"], "criterion"])
    assert len(failed) > 2
    assert [name for name in failed if f"criterion {name} failed: " not in said] == []
    assert set(stages(place).values()) == {"candidate", "shadow"}


def test_promote_show_and_roll_back(good: Installation):
    assert (
        step3("registry", "promote", "2021-01", "--reason", "first", "--by", "desk").exit_code == 0
    )
    result = step3("registry", "promote", "shadow", "--reason", "newer", "--by", "desk")
    assert "fold-2021-02" in result.output.splitlines()[-1]
    assert stages(good) == {"fold-2021-01": "archived", "fold-2021-02": "champion"}
    assert str(document(good).champion).startswith("fold-2021-02")
    shown = step3("registry", "show", "champion").output
    assert "desk" in shown
    assert "newer" in shown
    assert "max_drawdown" in shown
    result = step3("registry", "rollback", "--reason", "fills", "--by", "desk")
    assert result.exit_code == 0, result.exception
    assert stages(good) == {"fold-2021-01": "champion", "fold-2021-02": "archived"}
    assert str(document(good).champion).startswith("fold-2021-01")
    assert [t.cause for t in document(good).transitions][-2:] == ["rolled_back", "rollback"]
    assert "knows of none before" in failure("registry", "rollback", "--reason", "more")


def test_a_full_disk_leaves_the_old_file_whole_and_the_store_with_the_change(
    good: Installation, monkeypatch: pytest.MonkeyPatch
):
    write_registry_file(good.store, load_settings(good.home))
    with monkeypatch.context() as full:
        full.setattr(files.os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "disk full")))
        said = failure("registry", "promote", "shadow", "--reason", "go")
    assert "disk full" in said
    assert "The store holds the current registry" in said
    assert document(good).champion is None
    assert stages(good)["fold-2021-02"] == "champion"
    result = Installation.run(good, "results", assets=["model_registry"])
    assert result.success, failure_text(result)
    assert str(document(good).champion).startswith("fold-2021-02")


def test_one_failed_criterion_refuses_and_nothing_is_written(good: Installation):
    acceptance = good.store.read("acceptance")
    acceptance.loc[acceptance["criterion"] == "deflated_sharpe", ["is_passed", "value"]] = [
        False,
        0.4,
    ]
    good.store.replace_all({"acceptance": acceptance})
    register_stored(good.store, load_settings(good.home).config, now("test"))
    before = good.store.table_hashes()
    said = failure("registry", "promote", "shadow", "--reason", "hope")
    assert "criterion deflated_sharpe failed" in said
    assert said.count("\n  - ") == 1
    assert good.store.table_hashes() == before


def test_settings_that_changed_since_the_verdict_refuse(good: Installation):
    toml = good.home / "step3.toml"
    toml.write_text(toml.read_text() + "[config.acceptance]\nmax_drawdown_frac = 0.5\n")
    said = failure("registry", "promote", "shadow", "--reason", "looser")
    assert "acceptance: was made with other settings" in said


def test_an_altered_model_is_not_promoted(good: Installation):
    alter_payload(good.store, LAST)
    said = failure("registry", "promote", "shadow", "--reason", "go")
    assert "its stored models are not those registered: ridge differ" in said
    assert "is about models that have been trained again" in said


def promote_one(home: Path, month: str, gate, answers) -> None:
    """Promote in a process of its own, having seen no champion."""
    settings = load_settings(home)
    store = Store(settings.database)
    (model,) = [m for m in store.read("model_registry")["model_id"] if month in m]
    gate.wait(60)
    try:
        promote_in_store(store, settings, model, Request("race", month, None))
        answers.put("won")
    except RegistryError as error:
        answers.put(str(error))


def test_of_two_promotions_at_once_one_wins_and_the_other_is_told(good: Installation):
    fresh = multiprocessing.get_context("fork")
    gate, answers = fresh.Barrier(2), fresh.Queue()
    both = [
        fresh.Process(target=promote_one, args=(good.home, month, gate, answers))
        for month in ("2021-01", "2021-02")
    ]
    for process in both:
        process.start()
    said = sorted(answers.get(timeout=60) for _ in both)
    for process in both:
        process.join(60)
    assert said[1] == "won"
    assert said[0].startswith("somebody else changed the champion meanwhile: it was none, now it")
    assert sorted(stages(good).values()) in (["candidate", "champion"], ["champion", "shadow"])
    assert document(good).champion == read_registry(good.store).champion["model_id"]  # type: ignore[index]


def test_a_fold_is_reproduced_and_the_table_says_so(place: Installation):
    result = step3("reproduce", "2021-02")
    assert result.exit_code == 0, result.output
    assert "is reproduced, every bit" in result.output
    assert result.output.count("same ") >= 12
    assert "DIFFERS" not in result.output


def test_an_altered_payload_is_not_reproduced_and_the_store_is_named(place: Installation):
    alter_payload(place.store, LAST)
    result = step3("reproduce", "2021-02")
    assert result.exit_code == 1
    assert result.output.count("DIFFERS") == 1
    assert "the store: ridge in calibrated_models are not what was registered" in result.output


def test_other_settings_are_named_as_the_cause(place: Installation):
    toml = place.home / "step3.toml"
    toml.write_text(toml.read_text().replace("n_rounds = 5", "n_rounds = 6"))
    result = step3("reproduce", "2021-02")
    assert result.exit_code == 1
    assert "settings: its models were trained with other settings" in result.output


def test_restated_data_and_other_code_are_named_as_causes(
    place: Installation, monkeypatch: pytest.MonkeyPatch
):
    store = place.store
    models = store.read("model_registry").assign(code_version="0.0.1+000000000000")
    store.replace_all({"model_registry": models})
    month = add_months(FIRST_TEST, -3)
    events = store.read("events", partitions=[month])
    events["net_logret"] += 1e-6
    manifest = store.read("dataset_months")
    manifest.loc[manifest["month"] == month, "content_hash"] = "restated"
    own = manifest[manifest["month"] == month]
    store.replace_partitions({"events": events, "dataset_months": own}, [month])
    result = step3("reproduce", "2021-02")
    assert result.exit_code == 1
    assert "data: events of its look-back were restated since" in result.output
    assert "code: it was made by 0.0.1+000000000000" in result.output
    assert "DIFFERS" in result.output


def test_a_fold_that_is_not_there_is_named(place: Installation):
    assert "2019-01 is not registered" in failure("reproduce", "2019-01")
    assert "is not a month" in failure("reproduce", "soon")
    assert "no nothing" in failure("registry", "show", "nothing")


def test_two_planted_champions_stop_the_results(place: Installation):
    store = place.store
    store.replace_all({"model_registry": store.read("model_registry").assign(stage="champion")})
    result = Installation.run(place, "results", assets=["model_registry", "step3_report"])
    assert not result.success
    lines = step3("registry", "list").output.splitlines()
    assert next(x for x in lines if x.startswith("champion ")).count("fold-") == 2
    with pytest.raises(RegistryError, match="2 champions"):
        write_registry_file(store, load_settings(place.home))


def test_an_audit_of_other_models_promotes_nothing(good: Installation):
    """Trained again to other bytes and judged again without a new audit: the criterion fails."""
    Installation.run(good, "results", assets=["acceptance"])
    assert good.store.read("acceptance").set_index("criterion").loc["leakage_audit", "is_passed"]
    alter_payload(good.store, LAST)
    assert not Installation.run(good, "results", assets=["acceptance"]).success
    acceptance = good.store.read("acceptance").set_index("criterion")
    assert not acceptance.loc["leakage_audit", "is_passed"]
    assert "has not been run on these results" in str(acceptance.loc["leakage_audit", "evidence"])


def test_list_shows_stage_and_figures(place: Installation):
    output = step3("registry", "list").output
    assert "champion          none" in output
    assert "shadow" in output
    assert "watched, not trusted" in output


@pytest.mark.parametrize("verb", ["list", "show", "promote", "rollback"])
def test_every_verb_teaches(verb: str):
    page = CliRunner().invoke(cli, ["registry", verb, "--help"]).output
    assert len(page.splitlines()) > 6


def shown_verdicts() -> list[str]:
    """What every verb that prints a verdict prints, in one line each."""
    outputs = [
        CliRunner().invoke(cli, verb, catch_exceptions=False).output
        for verb in (["status"], ["registry", "list"], ["registry", "show", "2021-02"])
    ]
    assert all("PROMOTE" in text for text in outputs), outputs
    return [" ".join(text.split()) for text in outputs]


def test_a_verdict_on_other_settings_is_shown_as_stale(good: Installation):
    assert not any("STALE" in line for line in shown_verdicts())
    with (good.home / "step3.toml").open("a") as file:
        file.write("[config.gate]\nk = 1.5\n")
    for line in shown_verdicts():
        assert "STALE (acceptance: was made with other settings than those of step3.toml)" in line


def test_a_verdict_on_another_delivery_or_other_models_is_shown_as_stale(good: Installation):
    store = good.store
    datasets = store.read("datasets")
    store.replace_all({"datasets": datasets.assign(dataset_version="other")})
    assert all("in force is other" in line for line in shown_verdicts())
    store.replace_all({"datasets": datasets})
    assert not any("STALE" in line for line in shown_verdicts())
    store.replace_all({"result_versions": store.read("result_versions")[:0]})
    assert all("STALE" in line for line in shown_verdicts())


def test_the_registry_says_that_a_verdict_is_stale(good: Installation):
    with (good.home / "step3.toml").open("a") as file:
        file.write("[config.gate]\nk = 1.5\n")
    settings = load_settings(good.home)
    registered = register_stored(good.store, settings.config, now("test"))
    assert set(registered.models["verdict"].str.startswith("STALE (acceptance: ")) == {True}
