"""Size of the move at entry over the modelled half cost, against the same in training."""

from collections.abc import Iterator

from step3_assets.domain.monitoring.costs import mean_with_floors
from step3_assets.domain.monitoring.line import Line, state_of_floors
from step3_assets.domain.monitoring.metric import DriftMetric
from step3_assets.domain.monitoring.window import Window


def _measure(metric: DriftMetric, window: Window) -> Iterator[Line]:
    drift, rows, trained = window.drift, window.entries, window.trained_entries
    if len(rows) < drift.min_cost_rows or trained.empty:
        yield metric.not_enough(len(rows), drift)
        return
    in_training = float(trained["jump_ratio"].mean())
    jump = mean_with_floors(rows, "jump_ratio", window.config.statistics, window.rates)
    limits = drift.cost_growth_warn * in_training, drift.cost_growth_error * in_training
    state = state_of_floors(jump.floors, limits)
    reading = "costs may be understated" if state != "quiet" else "the modelled cost keeps up"
    yield Line(
        metric="entry_jump",
        n_rows=len(rows),
        min_rows=drift.min_cost_rows,
        state=state,
        sentence=f"Price jumps at entry measure {jump.value:.2f} modelled half costs, "
        f"{in_training:.2f} in training: {reading}.",
        value=jump.value,
        reference=in_training,
        lower=jump.lower,
        upper=jump.upper,
        threshold=limits[0],
    )


METRIC = DriftMetric(
    name="entry_jump",
    position=6,
    label="Jump at entry over half cost",
    decimals=2,
    rows_setting="min_cost_rows",
    row_noun="intraday entries",
    check="costs",
    check_text="Moves at entry do not outgrow the modelled cost.",
    recent="intraday entries of the last `window_months` (3)",
    reference="size of that move over the half cost, in training",
    warns="surely above 1.25 ×",
    errors="surely above 1.5 ×",
    measure=_measure,
    warns_when="interval above",
)
