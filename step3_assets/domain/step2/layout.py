"""The columns of a delivery: names, order and arrow types.

Belongs here: the layout of a symbol's two files on disk; the signals and the columns of the bar
features come from the catalogue. Does not belong here: how a column is computed.
"""

from __future__ import annotations

import pyarrow as pa

from step3_assets.catalogue.delivery import (
    BAR_FEATURES,
    CROSS_SUFFIXES,
    EVENT_CROSS,
    EVENT_SIGNALS,
    OUTCOME_COLUMNS,
    PARTNER_COLUMNS,
)
from step3_assets.domain.core.instants import NY

NO_PARTNER = "none"

SIGNALS = EVENT_SIGNALS
CORE_SIGNALS = ("trend_score", "pullback_z", "sigma", "u_atr")
PARTNER_SIGNALS = tuple(name for name in CROSS_SUFFIXES if name != "age_min")
RELATIVE_SIGNALS = tuple(name for name in EVENT_CROSS if name not in PARTNER_COLUMNS)

# Null while a candidate is pending.
OUTCOMES = OUTCOME_COLUMNS

_ARROW_TYPES = {
    "DOUBLE": pa.float64(),
    "BIGINT": pa.int64(),
    "BOOLEAN": pa.bool_(),
    "VARCHAR": pa.string(),
    "TIMESTAMPTZ": pa.timestamp("us", tz="UTC"),
}


def _bar_features_schema() -> pa.Schema:
    """The delivered columns of the catalogue, the symbol last, ``ny_time`` in New York time."""
    delivered = [column for column in BAR_FEATURES.columns if column.is_delivered]
    types = {column.name: _ARROW_TYPES[column.dtype] for column in delivered}
    types["ny_time"] = pa.timestamp("us", tz=NY)
    names = [*(name for name in types if name != "symbol"), "symbol"]
    return pa.schema([(name, types[name]) for name in names])


BAR_FEATURES_SCHEMA = _bar_features_schema()

_EVENT_HEAD_TYPES = (
    ("symbol", pa.string()),
    ("t_idx", pa.int64()),
    ("decision_time_utc", pa.string()),
    ("entry_time_utc", pa.string()),
    ("exit_time_utc", pa.string()),
    ("entry_open", pa.float64()),
    ("exit_open", pa.float64()),
    ("entry_overnight", pa.int64()),
    ("a_tp", pa.float64()),
    ("b_sl", pa.float64()),
    ("H", pa.int64()),
    ("exit_reason", pa.string()),
    ("gross_logret", pa.float64()),
    ("cost_rt", pa.float64()),
    ("net_logret", pa.float64()),
    ("y", pa.int64()),
    ("label_end_idx", pa.int64()),
    ("truncated_horizon", pa.int64()),
    ("touch_delay_bars", pa.int64()),
    ("same_bar_ambiguous", pa.int64()),
    ("spread_half", pa.float64()),
    ("slip_half", pa.float64()),
    ("tp_to_cost", pa.float64()),
    ("family", pa.string()),
)
EVENT_HEAD = tuple(name for name, _ in _EVENT_HEAD_TYPES)


def events_schema(partner: str | None) -> pa.Schema:
    """Arrow schema of an events file; the other symbol's columns have its name as prefix.

    Parameters
    ----------
    partner : str or None
        The other symbol; None gives the prefix ``none``, for columns that are all null.
    """
    prefix = partner_prefix(partner)
    names = [
        *SIGNALS,
        *(f"{prefix}_{name}" for name in (*PARTNER_SIGNALS, "age_min")),
        *RELATIVE_SIGNALS,
    ]
    return pa.schema([*_EVENT_HEAD_TYPES, *((name, pa.float64()) for name in names)])


def partner_prefix(partner: str | None) -> str:
    """Lower-case prefix of the other symbol's columns."""
    return NO_PARTNER if partner is None else partner.lower()
