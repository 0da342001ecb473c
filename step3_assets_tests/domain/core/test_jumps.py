"""Moves that no market made, and the file that explains them."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from step3_assets.domain.core.adjustments import (
    Adjustment,
    AdjustmentsError,
    apply_splits,
    format_adjustments,
    parse_adjustments,
    real_moves,
    unexplained,
)
from step3_assets.domain.core.jumps import (
    find_jumps,
    find_outlying_holes,
    has_same_bars,
    nearest_split,
)
from step3_assets.domain.delivery.problems import DeliveryError
from step3_assets.domain.delivery.read import read_delivery
from step3_assets.domain.step2.build import BuildOptions, build_with
from step3_assets.domain.step2.knobs import Step2Config
from step3_assets.domain.step2.write import write_delivery
from step3_assets_tests.domain.step2.small_bars import random_bars

BARS = random_bars(1)
OPENING = int(np.flatnonzero(BARS["is_opening_bar"])[12])
PRICES = ["open", "high", "low", "close"]


def scaled(factor: float, rows: slice) -> pd.DataFrame:
    bars = BARS.copy()
    bars.loc[rows, PRICES] = bars.loc[rows, PRICES] * factor
    return bars


@pytest.mark.parametrize("split", [1.5, 2, 3, 4, 5, 7, 10, 20, 1 / 2, 1 / 5, 1 / 10, 100])
def test_every_usual_split_is_found_and_named(split):
    (jump,) = find_jumps(scaled(1 / split, slice(OPENING, None)))
    assert jump.row == OPENING
    assert jump.factor == pytest.approx(1 / split, rel=0.03)
    assert "split" in jump.text


def test_other_jumps_are_found_too():
    assert [j.row for j in find_jumps(scaled(1.3, slice(OPENING, None)))] == [OPENING]
    spike = BARS.copy()
    spike["high"] = spike["high"].where(spike.index != 20, spike["high"] * 1.5)
    (jump,) = find_jumps(spike)
    assert (jump.row, "high" in jump.text) == (20, True)
    bad_tick = scaled(0.5, slice(20, 20))
    assert [j.row for j in find_jumps(bad_tick)] == [20, 21]


@pytest.mark.parametrize("factor", [1.15, 0.87])
@pytest.mark.parametrize("where", [["high"], ["low"], ["close"], ["open"], PRICES])
def test_what_the_next_price_takes_back_is_a_spike(factor, where):
    if where in (["high"], ["low"]) and (factor > 1) != (where == ["high"]):
        where = [where[0], "close"]
    bars = scaled(1.0, slice(None))
    bars.loc[20, where] *= factor
    bars["high"] = bars[["open", "high", "close"]].max(axis=1)
    bars["low"] = bars[["open", "low", "close"]].min(axis=1)
    assert 20 in {jump.row for jump in find_jumps(bars)}
    assert not any(jump.is_lasting for jump in find_jumps(bars))


@pytest.mark.parametrize(("deviation", "split"), [(0.03, 1.5), (0.05, 2.0), (0.05, 1 / 2)])
def test_a_split_of_a_wild_symbol_is_found(deviation, split):
    """Fifteen deviations of its nights are more than the split."""
    nights = np.where(BARS["is_opening_bar"], np.random.default_rng(3).normal(0, 1, len(BARS)), 0)
    nights = deviation * np.where(BARS.index == OPENING, 0, np.clip(nights, -2, 2))
    wild = BARS.assign(**{n: BARS[n] * np.exp(np.cumsum(nights)) for n in PRICES})
    assert find_jumps(wild) == []
    wild.loc[OPENING:, PRICES] /= split
    assert [jump.row for jump in find_jumps(wild)] == [OPENING]


@pytest.mark.parametrize(("fall", "rows"), [(0.83, []), (0.8, []), (0.75, [OPENING])])
def test_news_of_a_volatile_symbol_are_no_split(fall, rows):
    """A night of 11 to 13 usual ones is news; the lower limit for splits begins at 4 for 3."""
    nights = np.where(BARS["is_opening_bar"], np.random.default_rng(3).normal(0, 1, len(BARS)), 0)
    nights = 0.025 * np.where(BARS.index == OPENING, 0, np.clip(nights, -2, 2))
    volatile = BARS.assign(**{n: BARS[n] * np.exp(np.cumsum(nights)) for n in PRICES})
    volatile.loc[OPENING:, PRICES] *= fall
    assert [jump.row for jump in find_jumps(volatile)] == rows


def test_a_copy_of_another_symbols_bars_is_found():
    assert has_same_bars(BARS, BARS.copy())
    assert not has_same_bars(BARS, BARS.iloc[5:])
    assert not has_same_bars(BARS, BARS.assign(volume=1.0))
    assert not has_same_bars(BARS, random_bars(2))
    assert not has_same_bars(*[BARS.iloc[:9]] * 2)
    assert not has_same_bars(*[BARS.assign(**dict.fromkeys(PRICES, 5.0))] * 2)


def test_a_hole_with_another_price_level_behind_it():
    holed = pd.concat([BARS.iloc[:60], scaled(1.4, slice(140, None)).iloc[140:]], ignore_index=True)
    (jump,) = find_jumps(holed)
    assert "without bars" in jump.text
    same = pd.concat([BARS.iloc[:60], BARS.iloc[140:]], ignore_index=True)
    assert find_jumps(same) == []


def test_a_crash_that_happened_is_no_jump():
    """The worst opening of 2020-03-16 was 11 % on a fund that usually moves half a percent."""
    assert find_jumps(scaled(0.89, slice(OPENING, None))) == []
    assert find_jumps(BARS) == []


def test_a_stamp_years_away_is_found():
    stamps = pd.DatetimeIndex(["1999-01-04 14:30Z", "2023-06-05 13:30Z", "2023-06-05 14:00Z"])
    assert find_outlying_holes(stamps) == [1]


@pytest.mark.parametrize(
    ("move", "split"),
    [(0.251, 4.0), (9.9, 0.1), (0.66, 1.5), (0.9, None), (0.78, 1.25), (0.7, 1.5), (0.57, None)],
)
def test_the_nearest_split(move, split):
    assert nearest_split(np.log(move)) == split


def test_a_split_is_applied_before_its_date():
    day = BARS["date"].dt.tz_convert("America/New_York").dt.date.iloc[OPENING]
    raw = scaled(0.25, slice(OPENING, None)).assign(volume=1000.0)
    adjusted = apply_splits(raw, parse_adjustments(f"date,factor,kind\n{day},4,split\n".encode()))
    assert find_jumps(adjusted) == []
    np.testing.assert_allclose(adjusted["close"], BARS["close"] / 4)
    assert set(adjusted["volume"].iloc[:OPENING]) == {4000.0}
    assert set(adjusted["volume"].iloc[OPENING:]) == {1000.0}


def test_a_real_move_is_explained():
    day = BARS["date"].dt.tz_convert("America/New_York").dt.date.iloc[OPENING]
    jumps = find_jumps(scaled(0.6, slice(OPENING, None)))
    assert unexplained(jumps, [Adjustment(day, 1.0, "real")]) == []
    assert unexplained(jumps, [Adjustment(date(2020, 1, 1), 1.0, "real")]) == jumps


def test_a_simulated_crash_is_delivered_as_real(tmp_path):
    """A simulator confirms its own moves; the same bars without that are refused at the door."""
    crash = scaled(0.7, slice(OPENING, None))
    assert real_moves({"A": BARS}) == {}
    confirmed = real_moves({"A": crash})
    assert [one.kind for one in confirmed["A"]] == ["real"]
    for name, options in (("told", BuildOptions(adjustments=confirmed)), ("not", BuildOptions())):
        write_delivery(build_with({"A": crash}, Step2Config(), options), tmp_path / name)
    assert len(read_delivery(tmp_path / "told").bars) == len(crash)
    with pytest.raises(DeliveryError, match="-30"):
        read_delivery(tmp_path / "not")


def test_the_file_is_read_and_written():
    content = b"date,factor,kind\n2020-08-31,4,split\n2018-01-02,,real\n"
    found = parse_adjustments(content)
    assert [one.kind for one in found] == ["real", "split"]
    assert parse_adjustments(format_adjustments(found).encode()) == found


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "header"),
        (b"day,factor,kind\n", "header"),
        (b"date,factor,kind\n2020-08-31,4\n", "line 2 has 2 cells"),
        (b"date,factor,kind\n31.08.2020,4,split\n", "is not a date"),
        (b"date,factor,kind\n2020-02-30,4,split\n", "is not a date"),
        (b"date,factor,kind\n2020-08-31,0,split\n", "is not a split factor"),
        (b"date,factor,kind\n2020-08-31,-4,split\n", "is not a split factor"),
        (b"date,factor,kind\n2020-08-31,nan,split\n", "is not a split factor"),
        (b"date,factor,kind\n2020-08-31,4_0,split\n", "is not a split factor"),
        (b"date,factor,kind\n2020-08-31,4:1,split\n", "is not a split factor"),
        (b"date,factor,kind\n" + b"2020-08-31,,real\n" * 60_000, "more than once"),
        (b"date,factor,kind\n2020-08-31,1,split\n", "is not a split factor"),
        (b"date,factor,kind\n2020-08-31,inf,split\n", "is not a split factor"),
        (b"date,factor,kind\n2020-08-31,4,dividend\n", "is not a kind"),
        (b"date,factor,kind\n2020-08-31,4,real\n", "has no factor"),
        (b"date,factor,kind\n2020-08-31,4,split\n2020-08-31,2,split\n", "more than once"),
        (b"\xff\xfe", "not CSV text"),
        (b'date,factor,kind\n"2020-08-31,4,split\n', "not CSV text"),
    ],
)
def test_a_malformed_file_is_refused(content, words):
    with pytest.raises(AdjustmentsError, match=words):
        parse_adjustments(content)
