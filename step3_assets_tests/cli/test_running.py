"""What ``step3 run`` says when something is wrong."""

import pytest

from step3_assets.cli.running import _plain


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "step3_assets.domain.delivery.problems.DeliveryError: events/a.parquet: truncated\n",
            "events/a.parquet: truncated",
        ),
        ("ValueError: folds holds no such month", "folds holds no such month"),
        ("3 of 5 months failed", "3 of 5 months failed"),
        ("KeyError: 'close'", "KeyError: 'close' (`step3 ui` has the run's log)"),
    ],
)
def test_a_refusal_is_its_message_and_a_defect_keeps_its_name(text: str, said: str):
    assert _plain(text) == said
