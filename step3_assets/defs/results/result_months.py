"""The test months that results cover.

Belongs here: finding the test months, and refusing to leave one out. Does not belong here:
any result.
"""

from datetime import date

from step3_assets.config import Step3Config
from step3_assets.defs.stored_inputs import ingested_months
from step3_assets.domain.core.months import first_test_month, month_label, month_range
from step3_assets.storage.store import Reader


def longest_span(store: Reader, config: Step3Config) -> tuple[date, date]:
    """The first and last test month that the stored data allow.

    The first month of the data counts as complete where it is scored after: the earliest month with
    a fold is an earlier one then.
    """
    data = ingested_months(store, "bar_features")
    first = first_test_month(data[0], False, config.folds.train_months)
    folds = store.partitions("folds")
    return min([first, *folds]), data[-1]


def result_months(store: Reader) -> list[date]:
    """The test months that results cover: from the first scored month to the last, every one.

    Raises
    ------
    ValueError
        If a month in between has no fold, or a fold's events are not all scored: a result must not
        leave a month out.
    """
    data = ingested_months(store, "bar_features")
    manifest = store.read("folds", columns=["month", "n_test"])
    manifest = manifest[manifest["month"].isin(data)]
    tests: dict[date, int] = {}
    for month, count in zip(manifest["month"], manifest["n_test"], strict=True):
        tests[month] = tests.get(month, 0) + int(count)
    scored = {table: store.count_by_partition(table) for table in ("scores", "mock_baseline")}
    done = [m for m in sorted(tests) if scored["scores"].get(m)]
    if not done:
        raise ValueError("no test month is scored yet: materialize folds, models and scores first")
    months = month_range(done[0], done[-1])
    problems = {"folds": [m for m in months if m not in tests]}
    for table, stored in scored.items():
        problems[table] = [m for m in months if stored.get(m, 0) != tests.get(m, 0)]
    for table, short in problems.items():
        if short:
            names = ", ".join(month_label(m) for m in short[:6])
            raise ValueError(
                f"{table}: {len(short)} month(s) between {month_label(months[0])} and "
                f"{month_label(months[-1])} are missing or do not hold every test event of their "
                f"fold ({names}); materialize {table} for them"
            )
    return months
