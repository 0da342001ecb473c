"""The space: what acts alike hashes alike, and the base settings lie inside."""

import pytest
from optuna.trial import FixedTrial

from step3_assets.config import (
    AllocationConfig,
    GateConfig,
    RiskConfig,
    SearchConfig,
    SearchRange,
    SearchSpace,
    Step3Config,
)
from step3_assets.domain.search import space
from step3_assets.domain.search.settings import (
    SearchedSections,
    trading_hash,
    with_sections,
)

BASE = Step3Config()
DEFAULTS = space.default_trading_params(BASE, 1)


def tried(**changed) -> Step3Config:
    trial = FixedTrial(DEFAULTS | changed)
    return space.suggest_trading(trial, BASE, SearchSpace(), 1)[1]


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
        ValueError, match=r"search.space.k: 0 to 1 does not contain the configured 1.5"
    ):
        space.require_inside(params, SearchSpace())


def test_sections_are_read_back_and_unknown_keys_refused():
    changed = tried(k=0.5, method="kelly", size_frac=0.6, kill_drawdown_frac=0.07)
    shares = SearchedSections(allocation=AllocationConfig(method="calmar"))
    changed = with_sections(changed, shares)
    sections = SearchedSections.of(changed).model_dump(mode="json")
    assert with_sections(BASE, SearchedSections.model_validate(sections)) == changed
    sections["gate"]["kk"] = 1.0
    with pytest.raises(ValueError, match="kk"):
        SearchedSections.model_validate(sections)


def test_risk_limits_are_tightened_and_never_loosened():
    """A desk that has tightened its kill switch is not loosened by a search; what is off stays."""
    risk = RiskConfig(kill_drawdown_frac=0.06, max_turnover_per_week=None)
    base = BASE.model_copy(update={"risk": risk})
    defaults = space.default_trading_params(base, 1)
    assert "max_turnover_per_week" not in defaults
    for drawn in (0.04, 0.06):
        trial = FixedTrial(defaults | {"kill_drawdown_frac": drawn})
        found = space.suggest_trading(trial, base, SearchSpace(), 1)[1].risk
        assert found == risk.model_copy(update={"kill_drawdown_frac": drawn})
    ranges = FixedTrial(defaults)
    space.suggest_trading(ranges, base, SearchSpace(), 1)
    highest = {name: str(of) for name, of in ranges.distributions.items()}
    assert "high=0.06," in highest["kill_drawdown_frac"]
    assert "high=0.03," in highest["session_loss_frac"]


def test_a_limit_that_did_not_speak_goes_back():
    config = tried(kill_drawdown_frac=0.05, session_loss_frac=0.02, max_turnover_per_day=3.0)
    kept = space.without_unused_limits(config, BASE.risk, ["session_loss", "gross_cap"])
    assert kept == BASE.model_copy(
        update={"risk": BASE.risk.model_copy(update={"session_loss_frac": 0.02})}
    )
    assert space.without_unused_limits(config, BASE.risk, []) == BASE


def test_no_kill_switch_beyond_the_plans_cap():
    wide = SearchSpace(kill_drawdown_frac=SearchRange(low=0.05, high=0.13))
    with pytest.raises(ValueError, match=r"up to 0\.13 passes the cap on the drawdown"):
        SearchConfig(space=wide)
    looser = BASE.model_copy(update={"risk": RiskConfig(kill_drawdown_frac=0.11)})
    with pytest.raises(ValueError, match=r"configured 0\.11"):
        space.require_inside(space.default_trading_params(looser, 1), SearchSpace())


def test_every_searched_model_setting_reaches_its_field():
    """From the records alone: each has bounds, and drawing its upper bound changes its field."""
    ends = {name: getattr(SearchSpace(), name).high for name in space.MODEL_PARAMS}
    trial = FixedTrial({**ends, "ev_struct": "barrier"})
    drawn = space.suggest_models(trial, BASE.models, SearchSpace())
    for name, (section, field) in space.MODEL_PARAMS.items():
        assert getattr(getattr(drawn, section), field) == ends[name], name
    assert drawn.ev_struct == "barrier"
