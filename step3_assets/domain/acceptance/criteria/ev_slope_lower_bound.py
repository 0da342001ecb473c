"""The criterion ``ev_slope_lower_bound``: a higher expected value earned more."""

from step3_assets.domain.acceptance.criterion import Criterion, lower_bound_above_zero

CRITERION = Criterion(
    name="ev_slope_lower_bound",
    label="EV slope, lower bound",
    position=160,
    comparison=">",
    number="fine_ratio",
    asks="lower end of the confidence interval of the slope of realised net return on `ev_final` "
    "above 0",
    find=lower_bound_above_zero("ev_slope"),
    also=(("statistics.level", "lower"),),
)
