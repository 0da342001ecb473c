"""Mean move from the decision to the entry's open, against the modelled half cost."""

from collections.abc import Iterator

from step3_assets.domain.monitoring.costs import mean_with_floors
from step3_assets.domain.monitoring.line import Line, state_of_floors
from step3_assets.domain.monitoring.metric import DriftMetric
from step3_assets.domain.monitoring.window import Window


def _measure(metric: DriftMetric, window: Window) -> Iterator[Line]:
    drift, rows = window.drift, window.entries
    if len(rows) < drift.min_cost_rows or window.trained_entries.empty:
        yield metric.not_enough(len(rows), drift)
        return
    half = float(rows["half_cost_bps"].mean())
    moved = mean_with_floors(rows, "move_bps", window.config.statistics, window.rates)
    state = state_of_floors(moved.floors, (half, half))
    reading = "more than" if state != "quiet" else "not surely more than"
    yield Line(
        metric="entry_shortfall",
        n_rows=len(rows),
        min_rows=drift.min_cost_rows,
        state=state,
        sentence=f"From decision to the next open the price ran {moved.value:.2f} bps ahead on "
        f"average: {reading} the half cost of {half:.2f} bps that is modelled for one side.",
        value=moved.value,
        reference=half,
        lower=moved.lower,
        upper=moved.upper,
        threshold=half,
    )


METRIC = DriftMetric(
    name="entry_shortfall",
    position=5,
    label="Run-up before entry, bps",
    decimals=2,
    rows_setting="min_cost_rows",
    row_noun="intraday entries",
    check="costs",
    check_text="Moves at entry do not outgrow the modelled cost.",
    recent="intraday entries of the last `window_months` (3)",
    reference="the modelled half cost (`spread_half + slip_half`)",
    warns="mean move from decision to the next open surely above it",
    errors="the same at 0.1 %",
    measure=_measure,
    warns_when="interval above",
)
