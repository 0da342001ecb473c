"""Prefix rule: a delivery built from the bars up to an instant equals the stored rows of that time.

Belongs here: the build at sampled instants and the comparison. Does not belong here: the builder
(:mod:`step3_assets.domain.step2`).

The signals are computed again from prices. A stored signal that used a later bar differs, and so
does one that does not follow its definition.
"""

import numpy as np
import pandas as pd

from step3_assets.catalogue.column import KnownAt
from step3_assets.catalogue.delivery import BAR_FEATURES, EVENTS
from step3_assets.domain.audit.check import AuditCheck
from step3_assets.domain.audit.inputs import AuditInputs, Evidence, verdict_of
from step3_assets.domain.step2.bars import BAR_COLUMNS
from step3_assets.domain.step2.build import build_delivery

RELATIVE = 1e-9
ABSOLUTE = 1e-15


def check_prefix(inputs: AuditInputs) -> Evidence:
    """Build the delivery as of sampled decision instants and compare it with the stored rows."""
    faults, n_values = [], 0
    instants = sample_instants(inputs)
    bars = {
        str(symbol): part.sort_values("date").rename(columns={"barcount": "barCount"})
        for symbol, part in inputs.bars.groupby("symbol")
    }
    bars = {
        symbol: frame[[c for c in frame.columns if c in (*BAR_COLUMNS, "barCount")]].reset_index(
            drop=True
        )
        for symbol, frame in bars.items()
    }
    for instant in instants:
        built = build_delivery(
            bars, inputs.knobs, partners=inputs.partners, as_of=instant, emit_pending=True
        )
        for symbol in built.events:
            features = built.bar_features[symbol].rename(columns=str.lower)
            stored = inputs.bars[
                (inputs.bars["symbol"] == symbol) & (inputs.bars["bar_end_utc"] <= instant)
            ]
            found, count = _compare(stored, features, "date", _known(BAR_FEATURES))
            n_values += count
            faults += [f"{symbol} bars as of {instant:%Y-%m-%d %H:%M}: {f}" for f in found]
            own = inputs.events[
                (inputs.events["symbol"] == symbol)
                & (inputs.events["decision_instant_utc"] <= instant)
            ]
            names = _known(EVENTS)
            events = built.events[symbol].rename(
                columns=lambda c, s=symbol: _canonical(c, inputs.partners.get(s))
            )
            found, count = _compare(own, events, "decision_time_utc", names)
            n_values += count
            faults += [f"{symbol} events as of {instant:%Y-%m-%d %H:%M}: {f}" for f in found]
    named = " and ".join(f"{i:%Y-%m-%d %H:%M}" for i in instants)
    return verdict_of(
        faults,
        f"{n_values:,} stored values equal, to {RELATIVE:g}, those built from the bars that had "
        f"ended by {named} UTC.",
    )


def sample_instants(inputs: AuditInputs) -> list[pd.Timestamp]:
    """Decision instants spread over the data, the last of them among the last decisions."""
    instants = np.sort(inputs.events["decision_instant_utc"].unique())
    count = min(inputs.config.audit.sampled_prefixes, len(instants))
    return [
        pd.Timestamp(instants[(i + 1) * len(instants) // count - 1]).tz_convert("UTC")
        for i in range(count)
    ]


def _known(table) -> list[str]:
    return [
        c.name
        for c in table.columns
        if c.known_at is KnownAt.DECISION and c.is_delivered and c.dtype != "TIMESTAMPTZ"
    ]


def _canonical(name: str, partner: str | None) -> str:
    prefix = f"{partner.lower()}_" if partner else ""
    if partner and name.startswith(prefix):
        return f"cross_{name.removeprefix(prefix)}"
    return name


def _compare(
    stored: pd.DataFrame, built: pd.DataFrame, stamp: str, names: list[str]
) -> tuple[list[str], int]:
    """Columns in which the two frames differ, and the number of compared values."""
    ours = stored.sort_values(stamp, ignore_index=True)
    theirs = built.assign(**{stamp: pd.to_datetime(built[stamp], utc=True)})
    theirs = theirs.sort_values(stamp, ignore_index=True)
    if len(ours) != len(theirs) or not (ours[stamp].to_numpy() == theirs[stamp].to_numpy()).all():
        return [f"{len(ours)} rows stored, {len(theirs)} built"], 0
    names = [name for name in names if name in theirs]
    faults = []
    for name in names:
        differ = ~_close(ours[name], theirs[name])
        if differ.any():
            first = ours.loc[int(np.argmax(differ)), stamp]
            faults.append(f"{name} differs in {int(differ.sum())} row(s), first {first:%Y-%m-%d}")
    return faults, len(names) * len(ours)


def _close(ours: pd.Series, theirs: pd.Series) -> np.ndarray:
    if ours.dtype == object or pd.api.types.is_string_dtype(ours):
        return (ours.to_numpy(dtype=object) == theirs.to_numpy(dtype=object)).astype(bool)
    left = ours.to_numpy(dtype=np.float64, na_value=np.nan)
    right = theirs.to_numpy(dtype=np.float64, na_value=np.nan)
    return np.isclose(left, right, rtol=RELATIVE, atol=ABSOLUTE, equal_nan=True)


CHECKS = (
    AuditCheck(
        name="prefix_rule",
        position=30,
        does="the delivery built again from the bars that had ended at sampled instants "
        "equals what is stored, to 1e-9",
        planted="the next close in bars and events; a rank over the whole sample; costs and "
        "their parts halved overnight",
        run=check_prefix,
    ),
)
