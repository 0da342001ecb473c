"""The criterion ``probabilistic_sharpe``: the true Sharpe ratio is probably above 0."""

from step3_assets.domain.acceptance.criterion import Criterion, statistic_against

CRITERION = Criterion(
    name="probabilistic_sharpe",
    label="Probabilistic Sharpe",
    position=120,
    comparison=">=",
    number="probability",
    asks="probability that the true Sharpe ratio is above 0",
    find=statistic_against("probabilistic_sharpe", "min_probabilistic_sharpe"),
    setting="min_probabilistic_sharpe",
)
