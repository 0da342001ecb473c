"""Canaries: shuffled labels must carry no information, no single feature may be too good.

Belongs here: checks that can detect a leak of an unknown kind. Does not belong here: checks of
rules.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from step3_assets.catalogue.delivery import NUMERIC_FEATURES
from step3_assets.domain.audit.check import AuditCheck
from step3_assets.domain.audit.inputs import AuditInputs, Evidence, verdict_of
from step3_assets.domain.core.months import add_months, month_label
from step3_assets.domain.folds.build import LOOK_BACK_MONTHS
from step3_assets.domain.walk_forward.month_steps import (
    FoldInputs,
    TrainingInputs,
    training_rows,
    training_step,
)

ERRORS = 4.0
"""Limit in standard errors: chance exceeds it once in about 16,000 runs."""
MAX_BRIER_GAIN = 0.002
"""Several times the gain that calibrating on the scored rows themselves would show by chance."""
MAX_HONEST_CORRELATION = 0.15
"""Rank correlation of one feature with the net of one trade. Above it, a single column would
explain about 12 of 80 bps."""
MAX_HONEST_NEXT_MOVE = 0.20
"""Rank correlation of one feature with the move of the first bar that a trade holds. A true edge is
spread over the bars of a label and shows little in any one of them; look-ahead is in the first one:
an hour of the other symbol's future shows as 0.13 to 0.18 in the outcome, above 0.25 here."""
MIN_ROWS = 100


def shuffle_labels(events: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Permute the outcomes of the events, each scaled by the volatility of its event."""
    rng = np.random.default_rng(seed)
    final = (events["maturity"] == "final").to_numpy(dtype=bool)
    scale = events.loc[final, "u_atr"].to_numpy()
    shuffled_gross = rng.permutation(events.loc[final, "gross_logret"].to_numpy() / scale) * scale
    net = shuffled_gross - events.loc[final, "cost_rt"].to_numpy()
    shuffled = events.copy()
    shuffled.loc[final, "gross_logret"] = shuffled_gross
    shuffled.loc[final, "net_logret"] = net
    shuffled.loc[final, "y"] = (net > 0).astype("int64")
    return shuffled


def shuffle_moves(bars: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Permute the open-to-open moves among the bars of each symbol.

    Moves are permuted in units of ``u_atr``, so that calm and volatile times keep their size.
    """
    rng = np.random.default_rng(seed)
    shuffled = bars.sort_values(["symbol", "bar_idx"], kind="stable", ignore_index=True)
    price = shuffled["open"].to_numpy(dtype=np.float64).copy()
    scale = shuffled["u_atr"].to_numpy(dtype=np.float64, na_value=np.nan)
    for rows in shuffled.groupby("symbol", sort=True).indices.values():
        moves, own = np.diff(np.log(price[rows])), scale[rows][:-1]
        known = np.flatnonzero(np.isfinite(own) & (own > 0))
        moves[known] = rng.permutation(moves[known] / own[known]) * own[known]
        price[rows] = price[rows][0] * np.exp(np.concatenate([[0.0], np.cumsum(moves)]))
    return shuffled.assign(open=price)


def check_shuffled_labels(inputs: AuditInputs) -> Evidence:
    """Train a fold on shuffled labels: out of fold, it must predict nothing."""
    month = inputs.sampled[-1]
    months = inputs.events["month"]
    inside = (months >= add_months(month, -LOOK_BACK_MONTHS)) & (months <= month)
    events = shuffle_labels(inputs.events[inside], inputs.config.audit.seed)
    bars = shuffle_moves(inputs.bars[inputs.bars["month"] <= month], inputs.config.audit.seed)
    rows = training_rows(
        FoldInputs(events=events, bars=bars, month=month, config=inputs.config.folds)
    )
    training = TrainingInputs(rows=rows, config=inputs.config_of(month).models)
    metrics = training_step(training)["model_metrics"]
    if metrics.empty:
        return Evidence(True, f"{month_label(month)} has too few rows for a model.")
    known: dict[Any, float] = metrics.set_index(["head", "stage", "metric"])["value"].to_dict()
    n_rows = int(metrics["n_rows"].max())
    won = known[("base_rate", "raw", "p_mean")]
    error = math.sqrt(1.0 / (12.0 * n_rows * max(won * (1.0 - won), 1e-9)))
    area = known[("classifier", "raw", "auc")]
    gain = known[("base_rate", "raw", "brier")] - known[("classifier", "calibrated", "brier")]
    faults = []
    if abs(area - 0.5) > ERRORS * error:
        faults.append(f"shuffled labels give an AUC of {area:.3f}, {ERRORS:g} errors from 0.5")
    if gain > MAX_BRIER_GAIN:
        faults.append(f"on shuffled labels the Brier score beats the base rate by {gain:.4f}")
    return verdict_of(
        faults,
        f"Trained on shuffled labels, {month_label(month)} has an out-of-fold AUC of {area:.3f} "
        f"(0.5 ± {ERRORS * error:.3f} allowed) and a Brier score {gain:+.4f} better than the base "
        "rate.",
    )


def check_single_features(inputs: AuditInputs) -> Evidence:
    """Find features that predict the outcome too well at the decision, but not one label earlier.

    A signal of the past fades slowly and predicts little. A signal that looks ahead within the
    label predicts a lot, but nothing if its value before the label began is used. It predicts the
    first bar of the label best, so the move of that bar is a second target. The scan
    looks at all events together, at each symbol and at each partner: a fault in one symbol's
    stamps is diluted by the others.
    """
    events = inputs.events[inputs.events["maturity"] == "final"].reset_index(drop=True)
    lagged = lag_features(events)
    targets = (
        Target("the outcome", events["net_logret"].to_numpy(np.float64), MAX_HONEST_CORRELATION),
        Target("the next bar's move", next_moves(events, inputs.bars), MAX_HONEST_NEXT_MOVE),
    )
    faults, strongest, n_scans = [], (0.0, "none"), 0
    for where, rows in _parts(events):
        for target in targets:
            found, largest, count = _scan(events[rows], lagged[rows], target.of(rows), where)
            faults += found
            strongest, n_scans = max(strongest, largest), n_scans + count
    return verdict_of(
        faults,
        f"In {n_scans} scans over {len(events):,} events, each symbol and each partner, no "
        "feature's rank correlation with the outcome or with the next bar's move is implausible "
        f"and gone a label earlier; the largest is that of {strongest[1]}, {strongest[0]:.3f}.",
    )


@dataclass(frozen=True)
class Target:
    """A quantity that features are compared with, and the correlation that is implausible."""

    name: str
    values: np.ndarray
    limit: float

    def of(self, rows: np.ndarray) -> "Target":
        """The target of some of the events."""
        return Target(self.name, self.values[rows], self.limit)


def next_moves(events: pd.DataFrame, bars: pd.DataFrame) -> np.ndarray:
    """Log return of each event's entry bar, open to open; NaN where a bar is not there."""
    prices = bars[["symbol", "bar_idx", "open"]]
    entry, after = (
        events[["symbol"]]
        .assign(bar_idx=events["t_idx"].astype("int64") + ahead)
        .merge(prices, on=["symbol", "bar_idx"], how="left", validate="many_to_one")["open"]
        .to_numpy(dtype=np.float64, na_value=np.nan)
        for ahead in (1, 2)
    )
    return np.log(after / entry)


def _parts(events: pd.DataFrame) -> Iterator[tuple[str, np.ndarray]]:
    """All events, those of each symbol, and those of each partner where it is not the same rows."""
    yield "", np.ones(len(events), dtype=bool)
    seen = set()
    for column, word in (("symbol", ""), ("cross_symbol", "partner ")):
        for name in sorted(events[column].dropna().unique()):
            rows = (events[column] == name).to_numpy(dtype=bool)
            if rows.all() or rows.tobytes() in seen:
                continue
            seen.add(rows.tobytes())
            yield f" of {word}{name}", rows


def _scan(
    events: pd.DataFrame, lagged: pd.DataFrame, target: Target, where: str
) -> tuple[list[str], tuple[float, str], int]:
    """Faults of the features on some events, the strongest one, and the number of scans."""
    # Labels overlap: about one row in half a horizon's length is independent.
    independent = max(1.0, len(events) / max(1.0, float(events["H"].median()) / 2.0))
    limit = max(target.limit, ERRORS / math.sqrt(independent))
    faults, strongest, count = [], (0.0, "none"), 0
    for name in NUMERIC_FEATURES:
        now, before = (
            f[name].to_numpy(dtype=np.float64, na_value=np.nan) for f in (events, lagged)
        )
        both = ~np.isnan(now) & ~np.isnan(before) & ~np.isnan(target.values)
        if both.sum() < MIN_ROWS or np.ptp(now[both]) == 0.0:
            continue
        count += 1
        at_decision, earlier = (
            _rank_correlation(x[both], target.values[both]) for x in (now, before)
        )
        strongest = max(strongest, (at_decision, f"{name}{where} with {target.name}"))
        if at_decision > limit and earlier < 0.5 * at_decision:
            faults.append(
                f"{name}{where}: rank correlation with {target.name} {at_decision:.3f}, a label "
                f"earlier {earlier:.3f}"
            )
    return faults, strongest, count


def lag_features(events: pd.DataFrame) -> pd.DataFrame:
    """Each numeric feature at the symbol's last event at least a label, ``H + 2`` bars, earlier.

    Rows are those of `events`; NaN where there is no such event.
    """
    names = list(NUMERIC_FEATURES)
    wanted = pd.DataFrame(
        {"symbol": events["symbol"], "at": events["t_idx"] - events["H"] - 2}
    ).reset_index()
    known = events[["symbol", *names]].assign(at=events["t_idx"])
    found = pd.merge_asof(
        wanted.sort_values("at"), known.sort_values("at"), on="at", by="symbol"
    ).set_index("index")
    return found.loc[events.index, names]


def _rank_correlation(x: np.ndarray, y: np.ndarray) -> float:
    """Magnitude of Spearman's coefficient; 0 where one of the two does not vary."""
    from scipy import stats

    if np.ptp(x) == 0.0 or np.ptp(y) == 0.0:
        return 0.0
    ranks = stats.rankdata(np.vstack([x, y]), axis=1)
    return abs(float(np.corrcoef(ranks)[0, 1]))


CHECKS = (
    AuditCheck(
        name="shuffled_labels",
        position=170,
        does="a fold trained on shuffled labels has an AUC of 0.5 within four standard "
        "errors, and no Brier gain",
        planted="calibrating and scoring in sample; a label among the features",
        run=check_shuffled_labels,
        trains_models=True,
    ),
    AuditCheck(
        name="single_feature_scan",
        position=180,
        does="no feature, over all events, of one symbol or with one partner, has a rank "
        "correlation above 0.15 with the outcome, or above 0.20 with the move of the "
        "first bar held, that disappears when the feature is taken one label earlier",
        planted="the outcome with noise; a signal that looks four bars ahead; the same in one "
        "symbol only; a partner whose bars have the times of the bars before",
        run=check_single_features,
    ),
)
