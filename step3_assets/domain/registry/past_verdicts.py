"""Past verdicts: a row that keeps what was judged, and finding one again by what a person names.

Belongs here: the row of table ``verdicts``. Does not belong here: the verdict
(:mod:`step3_assets.domain.acceptance`), comparing two of them
(:mod:`step3_assets.domain.report.comparison`).
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd

from step3_assets.catalogue.results import VERDICTS
from step3_assets.config import Step3Config
from step3_assets.domain.acceptance.verdict import verdict
from step3_assets.domain.core.hashing import text_hash
from step3_assets.domain.portfolio.series import PLATFORM
from step3_assets.domain.registry.errors import RegistryError
from step3_assets.domain.registry.evidence import ResultVersion
from step3_assets.domain.statistics.bootstrap import session_paths

NAMED_BY = ("verdict_id", "dataset_version", "config_hash", "code_version", "models_hash")
"""Columns that a person may name a verdict by, with the first characters of their value."""


JUDGED_TABLES = ("acceptance", "portfolio", "portfolio_equity", "portfolio_trades")


@dataclass(frozen=True)
class Judged:
    """What a verdict was given on.

    Parameters
    ----------
    version : ResultVersion
    config : Step3Config
    code_version : str
    is_synthetic : bool
    tables : mapping of str to DataFrame
        Those of :data:`JUDGED_TABLES`.
    """

    version: ResultVersion
    config: Step3Config
    code_version: str
    is_synthetic: bool
    tables: Mapping[str, pd.DataFrame]


def verdict_row(judged: Judged, past: pd.DataFrame, now: datetime) -> pd.DataFrame:
    """The row of ``verdicts`` for results that were just judged, to be added to the past ones."""
    version, tables = judged.version, judged.tables
    criteria = _criteria_json(tables["acceptance"])
    identity = [*version.__dict__.values(), judged.code_version, criteria]
    return pd.DataFrame(
        {
            "verdict_id": [text_hash(" ".join(map(str, identity)))[:12]],
            "position": [len(past) + 1],
            "judged_utc": [pd.Timestamp(now).tz_convert("UTC").as_unit("us")],
            "dataset_version": [version.dataset_version],
            "is_synthetic": [judged.is_synthetic],
            "config_hash": [version.config_hash],
            "settings": [judged.config.model_dump_json()],
            "code_version": [judged.code_version],
            "models_hash": [version.models_hash],
            "first_month": [version.first_month],
            "last_month": [version.last_month],
            "verdict": [verdict(tables["acceptance"])],
            "criteria": [criteria],
            "metrics": [_metrics_json(tables["portfolio"])],
            "growth": [_growth_json(tables)],
            "trades": [_trades_json(tables["portfolio_trades"])],
        }
    )[VERDICTS.names]


def find_verdict(past: pd.DataFrame, name: str) -> dict[str, Any]:
    """The newest verdict that a person means.

    Parameters
    ----------
    past : DataFrame
        Table ``verdicts``.
    name : str
        ``latest``, ``previous``, a position, or the first characters of an identity, dataset,
        configuration, code or models.

    Raises
    ------
    RegistryError
        When there is none, with what could be named.
    """
    rows = past.sort_values("position").to_dict("records")
    if not rows:
        raise RegistryError("no verdict is kept here yet; `step3 run` gives one")
    words = {"latest": -1, "previous": -2}
    if name in words:
        if len(rows) < -words[name]:
            raise RegistryError("there is one verdict only, so none before it")
        return _plain(rows[words[name]])
    own = [
        row
        for row in rows
        if name and (str(row["position"]) == name or any(_starts(row[c], name) for c in NAMED_BY))
    ]
    if not own:
        raise RegistryError(
            f"{name!r} names no verdict: `step3 history` lists their numbers, identities, datasets,"
            " settings and code; or name the folder of a home"
        )
    return _plain(own[-1])


def _starts(value: Any, name: str) -> bool:
    return len(name) >= 4 and str(value).startswith(name)


def _plain(row: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(name): value for name, value in row.items()}


def _criteria_json(acceptance: pd.DataFrame) -> str:
    rows = acceptance.sort_values("position").to_dict("records")
    return json.dumps(
        {
            str(row["criterion"]): {
                "value": _number(row["value"]),
                "threshold": _number(row["threshold"]),
                "comparison": row["comparison"],
                "is_passed": bool(row["is_passed"]),
            }
            for row in rows
        }
    )


def _metrics_json(portfolio: pd.DataFrame) -> str:
    row = portfolio[portfolio["series"] == PLATFORM].select_dtypes("number").iloc[0]
    return json.dumps({str(name): _number(value) for name, value in row.items()})


def _growth_json(tables: Mapping[str, pd.DataFrame]) -> str:
    portfolio, equity = tables["portfolio"], tables["portfolio_equity"]
    start = float(portfolio.loc[portfolio["series"] == PLATFORM, "start_equity_usd"].iloc[0])
    marks = equity[equity["series"] == PLATFORM].sort_values("bar_end_utc")
    growth = session_paths(marks, start)["growth"]
    return json.dumps({str(day)[:10]: float(value) for day, value in growth.items()})


def _trades_json(trades: pd.DataFrame) -> str:
    own = trades[trades["series"] == PLATFORM].sort_values(["decision_time_utc", "symbol"])
    return json.dumps(
        [
            [symbol, f"{stamp:%Y-%m-%d %H:%M}", round(pnl, 4)]
            for symbol, stamp, pnl in zip(
                own["symbol"], own["decision_time_utc"], own["pnl_usd"].tolist(), strict=True
            )
        ]
    )


def _number(value: Any) -> float | None:
    return None if value is None or not math.isfinite(float(value)) else float(value)
