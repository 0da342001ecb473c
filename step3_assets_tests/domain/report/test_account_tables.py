"""Costs, allocation and risk rules, as the page tells them."""

from step3_assets.catalogue.portfolio import RISK_RULES
from step3_assets.config import RiskConfig
from step3_assets.domain.report import account_tables as account
from step3_assets.domain.report.account_tables import RULE_NAMES, rule_limits
from step3_assets_tests.domain.report.frames import empty, make_inputs

INPUTS = make_inputs()


def test_costs_in_order_with_the_modelled_ones_first():
    table = account.cost_stress_table(INPUTS.cost_stress.iloc[::-1])
    assert [row[0] for row in table.rows] == ["× 1", "× 1.25", "× 1.5"]
    assert table.rows[2][1:4] == ("150", "44", "-0.9 bps")
    assert [row[-1] for row in table.rows] == ["0.21", "0.08", "-0.05"]


def test_the_method_in_use_is_marked():
    rows = account.allocation_table(INPUTS.allocation_comparison).rows
    assert [row[0] for row in rows] == [
        "**Equal weight** (in use)",
        "Inverse volatility",
        "Calmar-seeking",
    ]
    assert rows[2][-1] == "4.1%"
    weights = account.weights_table(INPUTS.allocation_weights).rows
    assert ("Calmar-seeking", "AAA", "50.0%", "50.0%", "50.0%") in weights


def test_every_rule_has_a_name_a_limit_and_a_line():
    limits = rule_limits(RiskConfig(cooldown_bars=3), 1.0)
    assert set(limits) == set(RULE_NAMES) == set(RISK_RULES)
    assert limits["cooldown"] == 3
    assert limits["min_holding"] is None
    assert set(rule_limits(RiskConfig.off(), 1.0).values()) == {None, 1.0}


def test_rules_count_what_they_did_on_the_platforms_account_alone():
    rows = {r[0]: r[1:] for r in account.risk_table(INPUTS.risk_events, RiskConfig(), 1.0).rows}
    assert rows["Session loss stop"] == ("3.00%", "1", "1", "0", "0", "0", "4.12%")
    assert rows["Turnover of a day"] == ("6.00 ×", "0", "0", "0", "1", "0", "7.50 ×")
    assert rows["Gross exposure cap"] == ("100.00%", "0", "0", "0", "0", "0", "")
    assert rows["Cooldown"][0] == "off"
    quiet = account.risk_table(empty("risk_events"), RiskConfig(), 1.0)
    assert all(row[2:7] == ("0",) * 5 for row in quiet.rows)
