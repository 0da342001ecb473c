"""Costs, allocation and risk rules, as the page shows them."""

from step3_assets.config import RiskConfig
from step3_assets.domain.report import account_tables as account
from step3_assets.plugins.risk_rules import RULES
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


def test_every_rule_has_a_line_with_its_name_and_limit():
    quiet = account.risk_table(empty("risk_events"), RiskConfig(cooldown_bars=3), 1.0)
    limits = {row[0]: row[1] for row in quiet.rows}
    assert list(limits) == [rule.label for rule in RULES]
    assert limits["Cooldown"] == "3 bars"
    assert limits["Minimum holding"] == "off"
    off = account.risk_table(empty("risk_events"), RiskConfig.off(), 1.0)
    assert [row[1] for row in off.rows].count("off") == len(RULES) - 1


def test_rules_count_what_they_did_on_the_platforms_account_alone():
    rows = {r[0]: r[1:] for r in account.risk_table(INPUTS.risk_events, RiskConfig(), 1.0).rows}
    assert rows["Session loss stop"] == ("3.00%", "1", "1", "0", "0", "0", "4.12%")
    assert rows["Turnover of a day"] == ("6.00 ×", "0", "0", "0", "1", "0", "7.50 ×")
    assert rows["Gross exposure cap"] == ("100.00%", "0", "0", "0", "0", "0", "")
    assert rows["Cooldown"][0] == "off"
    quiet = account.risk_table(empty("risk_events"), RiskConfig(), 1.0)
    assert all(row[2:7] == ("0",) * 5 for row in quiet.rows)
