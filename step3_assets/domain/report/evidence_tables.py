"""Tables of evidence: statistics with their intervals, checks of the leakage audit, the registry.

Belongs here: laying out tables ``statistics``, ``audit`` and ``model_registry``. Does not belong
here: computing them.
"""

import pandas as pd

from step3_assets.domain.registry.summary import registry_summary
from step3_assets.domain.report import numbers as fmt
from step3_assets.domain.report.money_tables import PROSE_HEADER
from step3_assets.domain.report.series import MOCK
from step3_assets.domain.report.text_table import TextTable, escape, text_table
from step3_assets.domain.statistics.measures import all_statistics

EXPECTED_GAIN = (0.2, 0.6)
"""Gain over the mock baseline's Calmar that the plan expects, as fractions of that Calmar."""
OTHER_DECIMALS = 3
"""Decimals of a row whose statistic is no longer computed."""


def statistics_table(statistics: pd.DataFrame, level: float) -> TextTable:
    """Each statistic with its confidence interval and its sentence."""
    known = {statistic.name: statistic for statistic in all_statistics()}
    rows = []
    for row in statistics.sort_values("position").to_dict("records"):
        name = str(row["name"])
        decimals = known[name].decimals if name in known else OTHER_DECIMALS
        lower, upper = (fmt.decimals(row[end], decimals) for end in ("lower", "upper"))
        value = fmt.decimals(row["value"], decimals)
        if name in known and known[name].is_probability:
            value = fmt.probability(row["value"])
        if value == fmt.NOT_AVAILABLE and str(row["sentence"]).startswith("Does not apply"):
            value = fmt.DOES_NOT_APPLY
        rows.append(
            (
                _label(name),
                value,
                fmt.interval(lower, upper),
                escape(str(row["sentence"])),
            )
        )
    return text_table(("Statistic", "Value", f"{level:.0%} interval", PROSE_HEADER), rows, "lrrl")


def expected_gain(statistics: pd.DataFrame, portfolio: pd.DataFrame) -> str:
    """Whether the platform's Calmar exceeds the mock's by as much as the plan expects.

    The gain and its interval are fractions of the mock's observed Calmar. If that is not above 0,
    there is no such fraction.
    """
    low, high = EXPECTED_GAIN
    question = (
        f"**Is Calmar {low:.0%} to {high:.0%} above the mock baseline's, as the plan expects in "
        "stable folds?** "
    )
    everything = (
        " Every month counts here: which folds were stable is known only afterwards, so none is "
        "selected."
    )
    rows = {str(row["name"]): row for row in statistics.to_dict("records")}
    mock = portfolio.set_index("series")["calmar"].to_dict().get(MOCK)
    if "calmar_gain_over_mock" not in rows or mock is None or fmt.is_missing(mock):
        return f"{question}It cannot be answered: there is no mock baseline.{everything}"
    row = rows["calmar_gain_over_mock"]
    gain = tuple(float(row[name]) for name in ("value", "lower", "upper"))
    if any(map(fmt.is_missing, gain)):
        return f"{question}It cannot be answered: {escape(str(row['sentence']))}{everything}"
    level = f"{float(row['level']):.0%} interval"
    if mock <= 0.0:
        return (
            f"{question}The mock's Calmar is {fmt.ratio(mock)}, so there is no percentage of it. "
            f"The difference is {fmt.ratio(gain[0])} ({level} {fmt.ratio(gain[1])} to "
            f"{fmt.ratio(gain[2])}).{everything}"
        )
    value, lower, upper = (part / mock for part in gain)
    if lower > high:
        reading = "It is more."
    elif upper < low:
        reading = "It is not: the interval lies below."
    elif lower >= low and upper <= high:
        reading = "It is."
    elif lower > 0.0:
        reading = "It is above the mock's, but the interval does not say by how much."
    else:
        reading = "The interval includes no gain at all."
    return (
        f"{question}{reading} The gain is {fmt.ratio(gain[0])}, or {value:+,.0%} of the mock's "
        f"{fmt.ratio(mock)} ({level} {lower:+,.0%} to {upper:+,.0%}).{everything}"
    )


def methods_table(statistics: pd.DataFrame) -> TextTable:
    """How each statistic was computed."""
    ordered = statistics.sort_values("position").to_dict("records")
    rows = [(_label(str(row["name"])), escape(str(row["method"]))) for row in ordered]
    return text_table(("Statistic", "How"), rows, "ll")


def _label(name: str) -> str:
    labels = {statistic.name: statistic.label for statistic in all_statistics()}
    return escape(labels.get(name, name.replace("_", " ").capitalize()))


def audit_table(audit: pd.DataFrame) -> TextTable:
    """Each check with its result and its evidence."""
    rows = [
        (
            escape(str(row["check"]).replace("_", " ").capitalize()),
            "PASS" if row["is_passed"] is not None and bool(row["is_passed"]) else "FAIL",
            escape(str(row["evidence"])),
        )
        for row in audit.sort_values("position").to_dict("records")
    ]
    return text_table(("Check", "Result", PROSE_HEADER), rows, "lll")


def registry_table(models: pd.DataFrame) -> TextTable:
    """The champion, the newest model and the number of versions at each stage."""
    summary = registry_summary(models).items()
    rows = [(escape(name.capitalize()), escape(value)) for name, value in summary]
    return text_table(("Model registry", "Now"), rows, "ll")
