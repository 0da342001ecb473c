"""A finished page does not contradict itself, and planted contradictions are found."""

import re
from pathlib import Path

import pytest

import step3_assets
from step3_assets.domain.report.page_walk import contradictions, number

DEMO = Path(step3_assets.__file__).parents[1] / "docs" / "step3_report.md"

PAGE = """# PROMOTE

One account. Calmar 2.54, against 0.06 for the mock baseline.

## Criteria

| Criterion | Result | Value | Threshold | In plain words |
| :--- | :--- | ---: | ---: | :--- |
| Calmar positive | PASS | 2.543 | &gt; 0.000 | It made money. |
| Max drawdown | PASS | 7.05% | ≤ 12.00% | Deepest fall 7.05%. |
| Calmar lower bound | PASS | 1.002 | &gt; 0.000 | Calmar 2.543 (90% interval 1.002 to 5.671). |
| Deflated sharpe | PASS | &gt;0.999 | ≥ 0.950 | The chance that it beats luck is &gt;99.9%. |
| Backtest overfitting | PASS | does not apply | ≤ 0.500 | Does not apply: one configuration. |
| Monthly turnover | FAIL | not available | not available | Not evaluated. |

## How much could be chance

| Statistic | Value | 90% interval | In plain words |
| :--- | ---: | ---: | :--- |
| Calmar | 2.543 | 1.002 to 5.671 | Calmar 2.543 (90% interval 1.002 to 5.671). |
| EV calibration slope | 0.835 | 0.580 to 1.090 | Slope 0.83 (90% interval 0.58 to 1.09). |

## Portfolio

|  | Platform | Platform, costs × 1.25 | Mock baseline |
| :--- | ---: | ---: | ---: |
| Calmar | 2.54 | 1.99 | 0.06 |
| Max drawdown | 7.05% | 7.15% | 16.05% |
| Trades | 53 | 51 | 60 |

## Stressed costs

| Costs | Passed the gate | Trades | Calmar |
| :--- | ---: | ---: | ---: |
| × 1 | 90 | 53 | 2.54 |
| × 1.25 | 80 | 51 | 1.99 |

## Symbols

| Symbol | Candidates | Passed the gate | Trades |
| :--- | ---: | ---: | ---: |
| QQQ | 100 | 50 | 30 |
| SPY | 90 | 40 | 23 |

## Profit and loss by month

| Month | P&L | Trades |
| :--- | ---: | ---: |
| 2023-01 | $120 | 53 |
| 2023-02 | $15 | 1 |
| 2023-03 | $0 | 0 |

## Expected value

Slope of realised net on ev\\_final: **0.83** (90% interval 0.58 to 1.09; 100 events).

## Monitoring

| Metric | Recent | 98% interval | Warns when | State | In plain words |
| :--- | ---: | ---: | :--- | :--- | :--- |
| Feature stability (PSI) | 0.42 | | above 0.55 | quiet | x |
| EV calibration slope | 1.12 | 0.44 to 1.79 | interval below 1.00 | quiet | x |
"""

PLANTED = {
    "another Calmar in the opening": ("Calmar 2.54, against", "Calmar 2.45, against"),
    "another Calmar under stressed costs": ("| 53 | 2.54 |", "| 53 | 2.41 |"),
    "another stressed Calmar": ("| × 1.25 | 80 | 51 | 1.99 |", "| × 1.25 | 80 | 51 | 1.89 |"),
    "trades of the symbols do not add up": ("| SPY | 90 | 40 | 23 |", "| SPY | 90 | 40 | 24 |"),
    "gated rows do not add up": ("| SPY | 90 | 40 | 23 |", "| SPY | 90 | 41 | 23 |"),
    "two slopes": ("**0.83**", "**0.91**"),
    "a bound that is not the interval's": ("| 1.002 | &gt; 0.000", "| 1.102 | &gt; 0.000"),
    "an interval without its level": ("0.83** (90% interval", "0.83** (interval"),
    "a column of intervals without its level": ("| 90% interval |", "| Interval |"),
    "passed against its threshold": ("| PASS | 7.05% | ≤ 12.00%", "| PASS | 7.05% | ≤ 6.00%"),
    "passed without a value": ("| PASS | does not apply |", "| PASS | not available |"),
    "failed within its threshold": ("| Max drawdown | PASS", "| Max drawdown | FAIL"),
    "certain by rounding": ("luck is &gt;99.9%", "luck is 100.0%"),
    "quiet beyond its limit": ("| 0.42 | | above 0.55", "| 0.62 | | above 0.55"),
    "warns within its limit": ("above 0.55 | quiet", "above 0.55 | WARN"),
    "quiet although the interval excludes": ("0.44 to 1.79", "0.44 to 0.79"),
    "earned without a trade": ("| 2023-03 | $0 | 0 |", "| 2023-03 | -$118 | 0 |"),
}


def test_a_page_that_agrees():
    assert contradictions(PAGE) == []


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_contradiction_is_found(name):
    old, new = PLANTED[name]
    assert PAGE.count(old) >= 1
    assert contradictions(PAGE.replace(old, new, 1))


def test_the_reports_of_the_demo_agrees_with_itself():
    assert contradictions(DEMO.read_text("utf-8")) == []


def test_the_demo_page_is_read_whole():
    """The walk would be empty were the page's words changed and not these."""
    page = DEMO.read_text("utf-8")
    calmar = re.search(r"Calmar (\d\.\d\d), against", page)
    assert calmar
    wrong = page.replace(calmar[0], "Calmar 9.99, against")
    assert len(contradictions(wrong)) >= 1
    planted = (("| quiet |", "| WARN |"), ("| PASS |", "| FAIL |"), ("90% interval", "interval"))
    for old, new in planted:
        assert contradictions(page.replace(old, new)), old


@pytest.mark.parametrize(
    ("text", "read"),
    [("-0.5%", (-0.5, 0.1)), ("$12", (12.0, 1.0)), ("≥ 0.950", (0.95, 0.001)), ("", None)],
)
def test_a_number_is_read_with_its_rounding(text, read):
    assert number(text) == read
