"""The criterion ``deflated_sharpe``: the Sharpe ratio beats the best of N trials without skill."""

from step3_assets.domain.acceptance.criterion import Criterion, statistic_against

CRITERION = Criterion(
    name="deflated_sharpe",
    label="Deflated Sharpe",
    position=130,
    comparison=">=",
    number="probability",
    asks="probability that the Sharpe ratio beats the best of as many trials without skill",
    find=statistic_against("deflated_sharpe", "min_deflated_sharpe"),
    setting="min_deflated_sharpe",
)
