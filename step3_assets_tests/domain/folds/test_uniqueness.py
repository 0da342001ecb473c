import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from step3_assets.domain.folds.uniqueness import average_uniqueness


def by_counting(symbols, first, last):
    """Snippets 4.1 and 4.2 of AFML, bar by bar."""
    out = []
    for s, a, b in zip(symbols, first, last, strict=True):
        shares = []
        for bar in range(a, b + 1):
            there = sum(
                1
                for s2, a2, b2 in zip(symbols, first, last, strict=True)
                if s2 == s and a2 <= bar <= b2
            )
            shares.append(1 / there)
        out.append(sum(shares) / len(shares))
    return np.array(out)


def test_worked_example():
    # Three labels over bars 0-4: concurrency is 1, 2, 3, 2, 1.
    first, last = np.array([0, 1, 2]), np.array([2, 3, 4])
    expected = [(1 + 1 / 2 + 1 / 3) / 3, (1 / 2 + 1 / 3 + 1 / 2) / 3, (1 / 3 + 1 / 2 + 1) / 3]
    np.testing.assert_allclose(average_uniqueness(np.array(["A"] * 3), first, last), expected)


def test_symbols_do_not_overlap_each_other():
    got = average_uniqueness(np.array(["A", "B"]), np.array([0, 0]), np.array([5, 5]))
    assert got.tolist() == [1.0, 1.0]


def test_no_labels():
    empty = np.array([], dtype=int)
    assert average_uniqueness(np.array([], dtype=object), empty, empty).shape == (0,)


def test_label_that_ends_before_it_begins_is_refused():
    with pytest.raises(ValueError, match="label 1 spans bars 4 to 3"):
        average_uniqueness(np.array(["A", "A"]), np.array([0, 4]), np.array([2, 3]))


spans = st.lists(
    st.tuples(st.sampled_from("AB"), st.integers(0, 30), st.integers(0, 8)), min_size=1, max_size=25
)


@settings(max_examples=60, deadline=None)
@given(spans)
def test_equals_counting_bar_by_bar(rows):
    symbols = np.array([r[0] for r in rows])
    first = np.array([r[1] for r in rows])
    last = first + np.array([r[2] for r in rows])
    got = average_uniqueness(symbols, first, last)
    np.testing.assert_allclose(got, by_counting(symbols, first, last), rtol=1e-12)
    assert ((got > 0) & (got <= 1)).all()
