"""Two verdicts side by side, as one page.

Belongs here: what differs between two rows of table ``verdicts`` and how the page says it. Does not
belong here: finding the rows (:mod:`step3_assets.domain.registry.past_verdicts`), writing files.
"""

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from step3_assets.domain.portfolio.metrics import SESSIONS_PER_YEAR
from step3_assets.domain.report import numbers as fmt
from step3_assets.domain.report.text_table import escape, text_table
from step3_assets.domain.statistics.bootstrap import BootstrapInterval, Resampling, bootstrap_mean

SHOWN_TRADES = 12
SHOWN_DIGITS = 20
METRICS = {
    "end_equity_usd": ("End equity", fmt.usd),
    "cagr": ("CAGR", fmt.percent),
    "max_drawdown_frac": ("Deepest drawdown", fmt.percent),
    "calmar": ("Calmar", fmt.ratio),
    "sharpe": ("Sharpe", fmt.ratio),
    "n_trades": ("Trades", fmt.count),
    "trades_per_month": ("Trades a month", fmt.ratio),
    "net_bps_mean": ("Net a trade", fmt.bps),
    "hit_rate": ("Winners", fmt.percent),
    "exposure_frac": ("Mean exposure", fmt.percent),
    "worst_month_frac": ("Worst month", fmt.percent),
}
"""Metric of table ``portfolio`` to its label and how it is written."""

Verdict = Mapping[str, Any]


def comparison_page(first: Verdict, second: Verdict, resampling: Resampling) -> str:
    """The page in Markdown.

    Parameters
    ----------
    first, second : mapping
        Rows of table ``verdicts``; differences are the second less the first.
    resampling : Resampling
    """
    blocks = [
        f"# Comparison: {_name(first)} and {_name(second)}",
        _answer(first, second, resampling),
        "## What was judged",
        _identity(first, second),
        "## Settings that differ",
        _settings(first, second),
        "## Criteria",
        _criteria(first, second),
        "## Metrics",
        _metrics(first, second),
        "## Trades only in one",
        _trades(first, second),
    ]
    return "\n\n".join(blocks) + "\n"


def growth_difference(
    first: Verdict, second: Verdict, resampling: Resampling
) -> BootstrapInterval | None:
    """Yearly log growth of the second account less the first, on the sessions that both have.

    None without a common session.
    """
    growth = [json.loads(side["growth"]) for side in (first, second)]
    days = sorted(set(growth[0]) & set(growth[1]))
    if not days:
        return None
    logs = [np.log([one[day] for day in days]) for one in growth]
    return bootstrap_mean((logs[1] - logs[0]) * SESSIONS_PER_YEAR, resampling)


def _name(side: Verdict) -> str:
    return escape(f"{side['verdict_id']}")


def _answer(first: Verdict, second: Verdict, resampling: Resampling) -> str:
    found = growth_difference(first, second, resampling)
    verdicts = (
        f"**{escape(first['verdict'])}** against **{escape(second['verdict'])}**."
        if first["verdict"] != second["verdict"]
        else f"Both: **{escape(first['verdict'])}**."
    )
    if found is None:
        return f"{verdicts} The two have no session in common, so their growth is not compared."
    if found.value == 0.0:
        return f"{verdicts} The two accounts grew alike on all {found.n} common sessions."
    level = f"{found.level:.0%}"
    if math.isnan(found.lower):
        return f"{verdicts} The {found.n} common sessions are too few or too alike for an interval."
    way = "more" if found.value > 0 else "less"
    is_distinct = found.lower > 0 or found.upper < 0
    known = "" if is_distinct else " That is not distinguishable from no difference."
    return (
        f"{verdicts} The second grew {fmt.percent(abs(found.value))} a year {way} than the first "
        f"in log growth ({level} interval of second less first {fmt.percent(found.lower)} to "
        f"{fmt.percent(found.upper)}, {found.n} common sessions).{known}"
    )


def _identity(first: Verdict, second: Verdict) -> str:
    labels = {
        "judged_utc": "Judged (UTC)",
        "dataset_version": "Dataset",
        "config_hash": "Settings",
        "code_version": "Code",
        "models_hash": "Models",
        "first_month": "First test month",
        "last_month": "Last test month",
    }
    rows = []
    for name, label in labels.items():
        cells = [_cell(name, side[name]) for side in (first, second)]
        rows.append([label, *cells, "same" if cells[0] == cells[1] else "differs"])
    return text_table(("", "first", "second", ""), rows, "lllr").markdown()


def _cell(name: str, value: Any) -> str:
    if name == "judged_utc":
        return f"{value:%Y-%m-%d %H:%M}"
    return fmt.month_text(value) if name.endswith("_month") else escape(str(value)[:SHOWN_DIGITS])


def _settings(first: Verdict, second: Verdict) -> str:
    flat = [_flat(json.loads(side["settings"])) for side in (first, second)]
    names = sorted({*flat[0], *flat[1]})
    rows = [
        [f"`{name}`", *(escape(str(one.get(name, "not set"))) for one in flat)]
        for name in names
        if flat[0].get(name, ...) != flat[1].get(name, ...)
    ]
    if not rows:
        return "No setting differs."
    return text_table(("setting", "first", "second"), rows, "lll").markdown()


def _flat(value: Any, name: str = "") -> dict[str, Any]:
    """Settings by their dotted name."""
    if not isinstance(value, dict):
        return {name: value}
    found: dict[str, Any] = {}
    for key, inner in value.items():
        found |= _flat(inner, f"{name}.{key}" if name else str(key))
    return found


def _criteria(first: Verdict, second: Verdict) -> str:
    sides = [json.loads(side["criteria"]) for side in (first, second)]
    rows = []
    for name in dict.fromkeys([*sides[0], *sides[1]]):
        cells = [_criterion(side.get(name)) for side in sides]
        marks = [side.get(name, {}).get("is_passed") for side in sides]
        rows.append([f"`{name}`", *cells, "" if marks[0] == marks[1] else "differs"])
    table = text_table(("criterion", "first", "second", ""), rows, "lrrl")
    return table.compact().markdown()


def _criterion(row: Mapping[str, Any] | None) -> str:
    if row is None:
        return "not a criterion"
    value = "not available" if row["value"] is None else f"{row['value']:.4g}"
    return f"{value} {'PASS' if row['is_passed'] else 'FAIL'}"


def _metrics(first: Verdict, second: Verdict) -> str:
    sides = [json.loads(side["metrics"]) for side in (first, second)]
    rows = []
    for name, (label, write) in METRICS.items():
        values = [side.get(name) for side in sides]
        rows.append([label, *(fmt.NOT_AVAILABLE if v is None else write(v) for v in values)])
    return text_table(("metric", "first", "second"), rows, "lrr").markdown()


def _trades(first: Verdict, second: Verdict) -> str:
    sides = [
        {(symbol, stamp): pnl for symbol, stamp, pnl in json.loads(side["trades"])}
        for side in (first, second)
    ]
    common = set(sides[0]) & set(sides[1])
    only = [
        (key, word, own[key])
        for word, own in (("first", sides[0]), ("second", sides[1]))
        for key in own
        if key not in common
    ]
    text = (
        f"{fmt.plural(len(common), 'trade')} in both, {len(sides[0]) - len(common)} only in the "
        f"first, {len(sides[1]) - len(common)} only in the second."
    )
    if not only:
        return text
    largest = sorted(only, key=lambda trade: (-abs(trade[2]), trade[0]))[:SHOWN_TRADES]
    rows = [[escape(k[0]), k[1], word, fmt.cents(pnl)] for k, word, pnl in largest]
    table = text_table(("symbol", "decided (UTC)", "only in", "P&L"), rows, "lllr").markdown()
    return f"{text} The largest by profit or loss:\n\n{table}"
