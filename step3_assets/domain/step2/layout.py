"""The columns of a delivery: names, order and arrow types.

Belongs here: what the two files of a symbol look like on disk. Does not belong here: how a
column is computed.
"""

from __future__ import annotations

import pyarrow as pa

from step3_assets.catalogue.delivery import OUTCOME_COLUMNS

NO_PARTNER = "none"

SIGNALS = (
    "trend_score",
    "pullback_z",
    "sigma",
    "u_atr",
    "vol_z",
    "dist_to_hi",
    "gap_mu",
    "gap_sd",
    "gap_tail",
    "range_ratio",
    "ema_fast_slope",
    "sigma_prank",
    "u_atr_prank",
    "intraday_tail_frac",
)
CORE_SIGNALS = ("trend_score", "pullback_z", "sigma", "u_atr")
PARTNER_SIGNALS = (
    "sigma",
    "u_atr",
    "trend_score",
    "pullback_z",
    "vol_z",
    "range_ratio",
    "ema_fast_slope",
)
RELATIVE_SIGNALS = ("rs_log", "ret_spread", "beta_proxy", "regime_agree")

# Null while a candidate is pending.
OUTCOMES = OUTCOME_COLUMNS

_UTC = pa.timestamp("us", tz="UTC")
_NEW_YORK = pa.timestamp("us", tz="America/New_York")

BAR_FEATURES_SCHEMA = pa.schema(
    [
        ("date", _UTC),
        *((name, pa.float64()) for name in ("open", "high", "low", "close", "volume", "average")),
        ("barcount", pa.int64()),
        ("ny_time", _NEW_YORK),
        ("is_opening_bar", pa.bool_()),
        ("expected_bar_seconds", pa.int64()),
        ("is_partial_bar", pa.bool_()),
        *(
            (name, pa.float64())
            for name in (
                "log_close",
                "r_cc",
                "ewm_var",
                "sigma",
                "tr",
                "atr",
                "u_atr",
                "range_ratio",
                "ema_fast",
                "ema_slow",
                "trend_raw",
                "trend_score",
                "ema_fast_slope",
                "pullback_z",
                "vol_z",
                "sigma_prank",
                "u_atr_prank",
                "dist_to_hi",
                "intraday_tail_frac",
            )
        ),
        ("entry_overnight", pa.bool_()),
        *((name, pa.float64()) for name in ("gap_ret_realized", "gap_mu", "gap_sd", "gap_tail")),
        ("vol_spike", pa.bool_()),
        ("symbol", pa.string()),
    ]
)

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
    """Arrow schema of an events file; the other symbol's columns bear its name.

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
