"""The criterion ``calmar_lower_bound``: the Calmar ratio is significantly above 0."""

from step3_assets.domain.acceptance.criterion import Criterion, lower_bound_above_zero

CRITERION = Criterion(
    name="calmar_lower_bound",
    label="Calmar, lower bound",
    position=110,
    comparison=">",
    number="fine_ratio",
    asks="lower end of the Calmar ratio's confidence interval above 0",
    find=lower_bound_above_zero("calmar"),
    also=(("statistics.level", "lower"),),
)
