"""The criterion ``gate_permutation_p``: the same trades at other times do worse."""

from step3_assets.domain.acceptance.criterion import Criterion, statistic_against

CRITERION = Criterion(
    name="gate_permutation_p",
    label="Gate permutation p",
    position=150,
    comparison="<=",
    number="probability",
    asks="probability that the same trades at other times of these years do as well",
    find=statistic_against("gate_permutation_p", "max_permutation_p"),
    setting="max_permutation_p",
)
