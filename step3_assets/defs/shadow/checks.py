"""Conditions that shadow accounts must meet, for the asset checks.

Belongs here: reading accounts for a check. Does not belong here: wiring checks to assets
(:mod:`step3_assets.defs.checks`), the comparison itself (:mod:`step3_assets.domain.shadow.parity`).
"""

from step3_assets.config import Step3Config
from step3_assets.defs.shadow.accounts import account_parity, read_account
from step3_assets.domain.shadow.step import ShadowError, ShadowRows, broken_checksums
from step3_assets.storage.store import Store


def append_only(store: Store) -> list[str]:
    """Stored rows of any account that changed after they were appended."""
    return [
        f"shadow_{table}: {name}: rows of arrival {number} are not those that were appended"
        for name, stored in _accounts(store).items()
        for table, numbers in broken_checksums(stored).items()
        for number in sorted(numbers)
    ]


def seen_in_time(store: Store) -> list[str]:
    """Decisions that are later than the delivery that brought them."""
    problems = []
    for name, stored in _accounts(store).items():
        rows = stored.decisions
        early = rows[rows["decision_instant_utc"] > rows["first_seen_utc"]]
        problems += [
            f"shadow_decisions: {name}: {r.symbol} {r.decision_time_utc} was scored before its bar "
            "had ended"
            for r in early.itertuples()
        ]
    return problems


def contradicted(store: Store, config: Step3Config) -> list[str]:
    """Fills of the live account that no longer follow from its decisions and the delivery."""
    names = ("event_withdrawn", "fill_altered", "outcome_restated", "fill_missing")
    return [f"shadow_fills: {text}" for name, text in _differences(store, config) if name in names]


def parity_broken(store: Store, config: Step3Config) -> list[str]:
    """Every difference between the live account and the backtest of its months, by name."""
    return [f"{name}: {text}" for name, text in _differences(store, config)]


def _differences(store: Store, config: Step3Config) -> list[tuple[str, str]]:
    name = config.shadow.live_account
    if read_account(store, name).deliveries.empty:
        return []
    try:
        rows = account_parity(store, name, config).differences
    except ShadowError as error:
        return [("not compared", str(error))]
    return list(zip(rows["difference"], rows["text"], strict=True))


def _accounts(store: Store) -> dict[str, ShadowRows]:
    names = sorted(set(store.read("shadow_deliveries", columns=["account"])["account"]))
    orphans = set(store.read("shadow_decisions", columns=["account"])["account"]) - set(names)
    return {name: read_account(store, name) for name in [*names, *sorted(orphans)]}
