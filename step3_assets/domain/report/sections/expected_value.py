"""Section: whether expected values came true."""

from step3_assets.domain.report import numbers as fmt
from step3_assets.domain.report import score_tables as tables
from step3_assets.domain.report.ev_calibration import ev_deciles
from step3_assets.domain.report.inputs import ReportInputs, score_outcomes
from step3_assets.domain.report.score_figures import ev_calibration_figure
from step3_assets.domain.report.section import Blocks, Figure, Section
from step3_assets.domain.statistics.ev_slope import EvSlope, ev_slope

EV_CALIBRATION = Figure(
    "ev_calibration.png",
    "Realised net return by tenth of expected value",
    lambda inputs, small: ev_calibration_figure(
        inputs.scores,
        inputs.events_outcomes,
        level=inputs.config.statistics.level,
        is_synthetic=inputs.is_synthetic,
        small=small,
    ),
)


def _write(inputs: ReportInputs) -> Blocks:
    joined = score_outcomes(inputs.scores, inputs.events_outcomes)
    level = inputs.config.statistics.level
    deciles = ev_deciles(joined, level=level)
    yield _slope_sentence(ev_slope(joined, level))
    if deciles.empty:
        return
    yield EV_CALIBRATION.markdown()
    yield tables.deciles_table(deciles, level).markdown()
    yield (
        "Every candidate with a final label counts here, traded or not. Tenths are cut over all "
        "test months at once; they describe and decide nothing. Values are log returns net of "
        "the modelled cost. Intervals are clustered by day."
    )


def _slope_sentence(slope: EvSlope) -> str:
    rows = f"{fmt.plural(slope.n_rows, 'event')} on {fmt.plural(slope.n_days, 'day')}"
    if fmt.is_missing(slope.slope):
        return f"Slope of realised net on ev\\_final: {fmt.NOT_AVAILABLE} ({rows} are too few)."
    interval = f"{slope.level:.0%} interval {fmt.ratio(slope.lo)} to {fmt.ratio(slope.hi)}"
    if slope.lo > 0:
        reading = "Higher expected values did earn more."
    elif slope.hi < 0:
        reading = "Higher expected values earned less: the score points the wrong way."
    else:
        reading = "The interval includes 0, so the score may hold no information."
    return (
        f"Slope of realised net on ev\\_final: **{fmt.ratio(slope.slope)}** ({interval}; {rows}; "
        f"1 means calibrated, 0 means no information). {reading}"
    )


SECTION = Section(
    title="Expected value",
    order=110,
    question="Did candidates with a higher expected value earn more?",
    write=_write,
    tables=("scores", "events"),
    figures=(EV_CALIBRATION,),
)
