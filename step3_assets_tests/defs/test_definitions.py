"""The asset graph as a whole: its shape, names and descriptions."""

import warnings
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest

from step3_assets.catalogue import TABLES
from step3_assets.defs.graph_page import asset_graph_markdown
from step3_assets.defs.settings import Settings, load_settings

EDGES = {
    "bar_features": set(),
    "events": set(),
    "folds": {"bar_features", "events"},
    "tuned_params": {"bar_features", "events"},
    "calibrated_models": {"bar_features", "events", "folds"},
    "mock_baseline": {"events", "folds"},
    "scores": {"calibrated_models", "events"},
    "fold_backtests": {"bar_features", "calibrated_models", "events", "scores"},
    "portfolio": {"bar_features", "events", "mock_baseline", "scores"},
    "statistics": {"calibrated_models", "events", "portfolio", "scores"},
    "shadow_decisions": {"bar_features", "calibrated_models", "events"},
    "shadow_fills": {"bar_features", "calibrated_models", "events"},
    "shadow_positions": {"bar_features", "calibrated_models", "events"},
    "acceptance": {
        "audit",
        "calibrated_models",
        "fold_backtests",
        "portfolio",
        "scores",
        "statistics",
    },
    "model_registry": {
        "acceptance",
        "audit",
        "calibrated_models",
        "recalibrations",
        "weekly_models",
    },
    "audit": {
        "bar_features",
        "calibrated_models",
        "events",
        "folds",
        "portfolio",
        "scores",
    },
    "drift": {"bar_features", "calibrated_models", "events", "folds", "scores"},
    "importances": {"calibrated_models", "events"},
    "step3_report": {
        "bar_features",
        "acceptance",
        "audit",
        "drift",
        "importances",
        "events",
        "fold_backtests",
        "model_registry",
        "portfolio",
        "recalibration_comparison",
        "statistics",
    },
    "weekly_models": {"bar_features", "events"},
    "recalibrations": {"bar_features", "calibrated_models", "events", "scores", "weekly_models"},
    "recalibration_comparison": {
        "bar_features",
        "calibrated_models",
        "events",
        "recalibrations",
        "scores",
        "weekly_models",
    },
}


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return replace(load_settings(tmp_path_factory.mktemp("home")), delivery=None)


@pytest.fixture(scope="module")
def definitions(settings: Settings) -> dg.Definitions:
    from step3_assets.definitions import build_defs

    return build_defs(settings)


def test_the_graph_is_the_documented_one(definitions: dg.Definitions):
    graph = definitions.resolve_asset_graph()
    edges = {
        key.to_user_string(): {p.to_user_string() for p in graph.get(key).parent_keys}
        for key in graph.materializable_asset_keys
    }
    assert edges == EDGES


def test_a_search_in_force_is_upstream_of_what_it_settles(settings: Settings):
    from step3_assets.definitions import build_defs

    search = settings.config.search.model_copy(update={"is_enabled": True})
    config = settings.config.model_copy(update={"search": search})
    graph = build_defs(replace(settings, config=config)).resolve_asset_graph()
    users = {key.to_user_string() for key in graph.get(dg.AssetKey("tuned_params")).child_keys}
    months = {"calibrated_models", "scores", "fold_backtests"}
    assert users == months | {
        "portfolio",
        "statistics",
        "audit",
        "model_registry",
        "step3_report",
        "weekly_models",
    }


def test_no_dependency_is_misspelled(definitions: dg.Definitions):
    graph = definitions.resolve_asset_graph()
    assert graph.external_asset_keys == set()


def test_every_asset_is_a_table_with_description_owner_kind_group_and_schema_check(
    definitions: dg.Definitions,
):
    graph = definitions.resolve_asset_graph()
    for key in graph.materializable_asset_keys:
        node = graph.get(key)
        assert key.to_user_string() in TABLES
        assert node.description
        assert node.owners == ["team:step3"]
        assert node.kinds
        assert node.group_name != "default"
        checks = {c.name for c in graph.get_check_keys_for_assets({key})}
        assert "schema" in checks


def test_the_look_back_of_a_fold_is_thirty_six_months(definitions: dg.Definitions):
    graph = definitions.resolve_asset_graph()
    mapping = graph.get(dg.AssetKey("folds")).partition_mappings[dg.AssetKey("events")]
    assert isinstance(mapping, dg.TimeWindowPartitionMapping)
    assert (mapping.start_offset, mapping.end_offset) == (-36, 0)
    assert "events -->|M-36 to M| folds" in asset_graph_markdown(definitions)


def test_the_current_month_is_a_partition_of_both(definitions: dg.Definitions):
    from datetime import UTC, datetime

    graph = definitions.resolve_asset_graph()
    current = datetime.now(UTC).strftime("%Y-%m-01")
    for name in ("events", "folds"):
        partitions = graph.get(dg.AssetKey(name)).partitions_def
        assert partitions is not None
        assert partitions.get_partition_keys()[-1] == current


def test_nothing_deprecated_or_superseded_is_used(settings: Settings):
    from step3_assets.definitions import build_defs

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        build_defs(settings).resolve_all_job_defs()
    names = {w.category.__name__ for w in caught}
    assert not names & {"DeprecationWarning", "SupersessionWarning", "FutureWarning"}, [
        str(w.message) for w in caught
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[config.gate]\nkk = 1\n", "kk"),
        ("[config.gate]\nk = -1\n", "config.gate.k"),
        ("delivery = \n", "Invalid value"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, text: str, words: str):
    from step3_assets.defs.settings import SettingsError

    (tmp_path / "step3.toml").write_text(text)
    with pytest.raises(SettingsError, match=words):
        load_settings(tmp_path)
