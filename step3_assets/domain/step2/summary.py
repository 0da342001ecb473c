"""The meta file of one symbol: the knobs it was built with, and a summary of the result.

Belongs here: counts and means for people, and everything needed to build the same again. Does
not belong here: numbers that decisions depend on.
"""

from __future__ import annotations

import pandas as pd

from step3_assets.domain.core.delivery_layout import table_file
from step3_assets.domain.step2.irregularities import Irregularities
from step3_assets.domain.step2.knobs import BUILDER_VERSION, Step2Config

NOTES = {
    "stamps": "Start of the bar, UTC. A bar's signals are known at its end.",
    "barrier_touch": "Highs and lows of the scanned bars; exit at the open after the touch.",
    "gap_features": "Over gaps only, shifted by one gap: a bar never knows the gap after it.",
    "cross_asset": "Backward as-of join of the partner's bars within the tolerance.",
    "maturity": "Final: truncated_horizon 0. Provisional: 1. Pending: outcome columns null.",
    "look_ahead": "bar_features.gap_ret_realized holds the next open.",
}


def describe_build(
    symbol: str,
    features: pd.DataFrame,
    events: pd.DataFrame,
    *,
    config: Step2Config,
    irregularities: Irregularities,
) -> dict:
    """Describe one symbol's build as plain JSON values that do not depend on the time of day."""
    return {
        "script": "step3 build-step2",
        "version": BUILDER_VERSION,
        "trade_symbol": symbol,
        "knobs": config.model_dump(mode="json"),
        "notes": NOTES,
        "outputs": {
            "bar_features_path": table_file("bar_features", symbol),
            "events_path": table_file("events", symbol),
        },
        "bars_summary": {
            "n_bars": len(features),
            "first_bar": _stamp(features["date"].iloc[0]) if len(features) else None,
            "last_bar": _stamp(features["date"].iloc[-1]) if len(features) else None,
        },
        "events_summary": summarise_events(events),
        "irregularities": irregularities.as_dict(),
        "warnings": irregularities.describe(),
    }


def summarise_events(events: pd.DataFrame) -> dict:
    """Counts and means of an events table; null where there is nothing to count.

    The weekly rate is over calendar weeks (Monday to Sunday, UTC) from the first event's to the
    last one's, weeks without an event included.
    """
    labelled = events[events["exit_reason"].notna()]
    is_pending = len(events) - len(labelled)
    summary: dict = {
        "n_events": len(events),
        "n_pending": is_pending,
        "n_provisional": int((labelled["truncated_horizon"] == 1).sum()),
        "families": _counts(events["family"]),
        "exit_reasons": _counts(labelled["exit_reason"]),
        "cost_mean_bps": _mean(events["cost_rt"], 1e4),
        "overnight_rate": _mean(events["entry_overnight"]),
        "tp_to_cost_median": float(events["tp_to_cost"].median()) if len(events) else None,
        "y_rate": _mean(labelled["y"]),
        "net_mean_bps": _mean(labelled["net_logret"], 1e4),
        "gross_mean_bps": _mean(labelled["gross_logret"], 1e4),
        "same_bar_ambiguous_rate": _mean(labelled["same_bar_ambiguous"]),
    }
    days = pd.to_datetime(events["decision_time_utc"].str.slice(0, 10))
    weekly = pd.Series(1, index=pd.DatetimeIndex(days)).resample("W").sum()
    summary["weekly_events_mean"] = _mean(weekly)
    summary["weekly_events_p90"] = float(weekly.quantile(0.9)) if len(weekly) else None
    return summary


def _counts(values: pd.Series) -> dict[str, int]:
    return {str(name): int(count) for name, count in values.value_counts().items()}


def _mean(values: pd.Series, scale: float = 1.0) -> float | None:
    return float(values.mean()) * scale if len(values) else None


def _stamp(stamp: pd.Timestamp) -> str:
    return stamp.isoformat()
