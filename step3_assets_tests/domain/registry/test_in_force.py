"""The model in force: the champion, else the newest fold's; never one of a later month."""

from datetime import date, timedelta

import pandas as pd
import pytest

from step3_assets.domain.registry.errors import RegistryError
from step3_assets.domain.registry.in_force import champion_at, model_in_force
from step3_assets.domain.registry.stages import Change, Registry, StageBook
from step3_assets_tests.domain.registry.registered import (
    DEC,
    LATER,
    NOV,
    OCT,
    entry,
    registry_of,
)

A, B, C = entry(OCT), entry(NOV), entry(DEC)


def decides(registry: Registry, month: date) -> str | None:
    row = model_in_force(registry.models, registry.transitions, month)
    return row["model_id"] if row else None


def with_champion(registry: Registry, model_id: str) -> Registry:
    book = StageBook(registry, LATER)
    book.move(model_id, "champion", "promoted", "Every criterion passed.")
    return book.closed()


def test_nothing_is_in_force_where_there_is_nothing():
    assert decides(Registry.empty(), DEC) is None
    assert decides(registry_of(C), NOV) is None  # the only one knows what November could not


@pytest.mark.parametrize(
    ("month", "expected"), [(OCT, A), (NOV, A), (DEC, C), (date(2024, 3, 1), C)]
)
def test_without_a_champion_the_newest_fold_not_later_decides(month, expected):
    assert decides(registry_of(A, C), month) == expected["model_id"]


def test_the_champion_decides_before_newer_folds_but_not_before_its_own_month():
    found = with_champion(registry_of(A, B, C), B["model_id"])
    assert decides(found, DEC) == B["model_id"]
    assert decides(found, NOV) == B["model_id"]
    assert decides(found, OCT) == A["model_id"]


def test_two_champions_decide_nothing():
    found = with_champion(with_champion(registry_of(A, B), A["model_id"]), B["model_id"])
    with pytest.raises(RegistryError, match="2 champions"):
        decides(found, DEC)


def test_a_stage_that_its_history_does_not_know_decides_nothing():
    found = registry_of(A, B)
    forged = found.models.assign(stage=["champion", "shadow"])
    with pytest.raises(RegistryError, match="its history says"):
        decides(Registry(forged, found.transitions), DEC)


def test_the_champion_of_an_instant_is_the_one_that_stood_then():
    found = with_champion(registry_of(A, B), A["model_id"])
    promoted = LATER.time_utc

    def stood(at):
        row = champion_at(found.models, found.transitions, pd.Timestamp(at))
        return row["model_id"] if row else None

    assert stood(promoted) is None  # a promotion at the instant itself does not count
    assert stood(promoted + timedelta(seconds=1)) == A["model_id"]
    later = Change("somebody", promoted + timedelta(days=1))
    book = StageBook(found, later)
    book.move(A["model_id"], "archived", "superseded", "B is better.")
    book.move(B["model_id"], "champion", "promoted", "B is better.")
    found = book.closed()
    assert stood(promoted + timedelta(hours=1)) == A["model_id"], "what was known then"
    assert stood(promoted + timedelta(days=2)) == B["model_id"]
