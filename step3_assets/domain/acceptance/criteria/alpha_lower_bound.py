"""The criterion ``alpha_lower_bound``: the account earned more than its beta explains."""

from step3_assets.domain.acceptance.criterion import Criterion, lower_bound_above_zero

CRITERION = Criterion(
    name="alpha_lower_bound",
    label="Alpha, lower bound",
    position=164,
    comparison=">",
    number="fine_ratio",
    asks="lower end of the confidence interval of annual alpha against buy-and-hold above 0: being "
    "long in a rising market is not skill",
    find=lower_bound_above_zero("alpha"),
    also=(("statistics.level", "lower"),),
)
