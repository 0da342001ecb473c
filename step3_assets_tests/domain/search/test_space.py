"""The space: what acts alike hashes alike, and the base settings lie inside."""

import pytest
from optuna.trial import FixedTrial

from step3_assets.config import GateConfig, SearchSpace, Step3Config
from step3_assets.domain.search import space
from step3_assets.domain.search.settings import (
    from_sections,
    searched_sections,
    trading_hash,
    with_settings,
)

BASE = Step3Config()
DEFAULTS = space.default_trading_params(BASE, 1)


def tried(**changed) -> Step3Config:
    trial = FixedTrial(DEFAULTS | changed)
    _, gate, sizing, size = space.suggest_trading(trial, BASE, SearchSpace(), 1)
    return with_settings(BASE, gate=gate, sizing=sizing, size_frac=size)


def test_the_defaults_as_trials_give_the_defaults_back():
    space.require_inside(space.default_model_params(BASE.models), SearchSpace())
    space.require_inside(DEFAULTS, SearchSpace())
    assert tried() == BASE
    trial = FixedTrial(space.default_model_params(BASE.models))
    assert space.suggest_models(trial, BASE.models, SearchSpace()) == BASE.models


def test_what_a_method_does_not_read_does_not_count():
    assert trading_hash(tried(kelly_fraction=0.2)) == trading_hash(BASE)
    capped = tried(method="vol_capped", kelly_fraction=0.2)
    assert trading_hash(capped) == trading_hash(tried(method="vol_capped"))
    assert trading_hash(tried(method="kelly", kelly_fraction=0.2)) != trading_hash(
        tried(method="kelly")
    )


def test_settings_that_the_space_does_not_hold_are_refused():
    params = space.default_trading_params(BASE.model_copy(update={"gate": GateConfig(k=1.5)}), 1)
    with pytest.raises(
        ValueError, match=r"search.space.k: 0 to 1 does not hold the configured 1.5"
    ):
        space.require_inside(params, SearchSpace())


def test_sections_are_read_back_and_unknown_keys_refused():
    changed = tried(k=0.5, method="kelly", size_frac=0.6)
    sections = searched_sections(changed)
    assert from_sections(BASE, sections) == changed
    sections["gate"]["kk"] = 1.0
    with pytest.raises(ValueError, match="kk"):
        from_sections(BASE, sections)
