"""Statistics and criteria, computed from what is stored: by the assets, and again by a promotion.

Belongs here: reading their inputs and calling the domain. Does not belong here: a statistic or a
criterion, storing what was found.
"""

from dataclasses import dataclass

import pandas as pd

from step3_assets.catalogue.column import Table
from step3_assets.catalogue.results import ACCEPTANCE, AUDIT, STATISTICS
from step3_assets.config import Step3Config
from step3_assets.defs.provenance import contradictions
from step3_assets.defs.results.audit_inputs import audit_inputs
from step3_assets.defs.results.result_months import longest_span, result_months
from step3_assets.defs.results.stored_results import OUTCOME_COLUMNS, result_tables
from step3_assets.defs.settings import Settings
from step3_assets.defs.stored_inputs import settings_in_force
from step3_assets.domain.core.canonical import canonical_frame
from step3_assets.domain.core.code import code_version
from step3_assets.domain.core.hashing import row_hashes, text_hash
from step3_assets.storage.manifest import digest_of
from step3_assets.storage.store import Reader, Store

RESTS_ON = (
    "events",
    "bar_features",
    "folds",
    "fold_members",
    "calibrated_models",
    "model_metrics",
    "scores",
    "mock_baseline",
    "fold_backtests",
    "portfolio",
    "portfolio_months",
    "portfolio_trades",
    "portfolio_decisions",
    "portfolio_equity",
    "evaluations",
    "trials",
    "tuned_params",
    "statistics",
    "audit",
)
"""Tables that a verdict rests on, and whose rows a promotion compares with the manifest."""


def computed_statistics(reader: Reader, config: Step3Config) -> pd.DataFrame:
    """Table ``statistics`` of the stored results."""
    from step3_assets.domain.search.settings import trading_hash
    from step3_assets.domain.statistics.evaluations import (
        Shown,
        configuration_hash,
        count_evaluations,
        span_of,
    )
    from step3_assets.domain.statistics.table import statistics_table
    from step3_assets.domain.statistics.trials import Trials

    months = result_months(reader)
    outcomes = reader.read("events", partitions=months, columns=OUTCOME_COLUMNS)
    settings = settings_in_force(reader, config, months)
    hashes = {trading_hash(one) for one in settings.values()}
    shown = Shown(
        config_hash=configuration_hash(settings),
        code_version=code_version(),
        span=span_of(months, longest_span(reader, config)),
        months=months,
    )
    trials = count_evaluations(
        Trials.from_ledger(reader.read("trials"), hashes, months),
        reader.read("evaluations"),
        shown,
    )
    return statistics_table(result_tables(reader), outcomes, config, trials)


def computed_acceptance(
    reader: Reader, config: Step3Config, audit: pd.DataFrame, statistics: pd.DataFrame
) -> pd.DataFrame:
    """Table ``acceptance`` of the stored results, with these statistics and this audit."""
    from step3_assets.domain.acceptance.verdict import judge

    months = result_months(reader)
    first, last = longest_span(reader, config)
    evidence = {
        "statistics": statistics,
        "audit": audit,
        "provenance": pd.DataFrame({"problem": contradictions(reader, config, months)}),
        "longest_span": pd.DataFrame({"first_month": [first], "last_month": [last]}),
    }
    return judge({**result_tables(reader), **evidence}, config)


@dataclass(frozen=True)
class EvaluatedAgain:
    """Result of evaluating the stored results again, without trusting the stored verdict.

    Parameters
    ----------
    acceptance : DataFrame
        Table ``acceptance``, computed from the stored results at this moment.
    problems : tuple of str
        Rows that are not as they were written; statistics and criteria that are not those computed
        again.
    token : str
        Digest over the manifest of everything that was read.
    """

    acceptance: pd.DataFrame
    problems: tuple[str, ...]
    token: str


def evaluate_again(store: Store, settings: Settings, audit: pd.DataFrame) -> EvaluatedAgain:
    """Check the stored rows, then compute statistics and criteria from them again.

    Where all of that holds, the audit is run again too; it takes longest, and a system that fails
    before is refused without it.

    Parameters
    ----------
    store : Store
    settings : Settings
    audit : DataFrame
        Table ``audit`` where it is in force, otherwise no rows.
    """
    from step3_assets.domain.acceptance.verdict import failed_criteria

    token, config = evidence_token(store), settings.config
    problems = store.altered([*RESTS_ON, "acceptance"])
    statistics = computed_statistics(store, config)
    acceptance = computed_acceptance(store, config, audit, statistics)
    for table, frame in ((STATISTICS, statistics), (ACCEPTANCE, acceptance)):
        problems += _other_rows(table, store.read(table.name), frame)
    if not problems and not failed_criteria(acceptance):
        problems += audit_differences(store, settings)
    return EvaluatedAgain(acceptance=acceptance, problems=tuple(problems), token=token)


def audit_differences(store: Store, settings: Settings) -> list[str]:
    """Run the audit again and compare its answers with those stored; empty if they are the same."""
    from step3_assets.domain.audit.run import run_audit

    inputs = audit_inputs(store, settings.config, settings.delivery)
    found = run_audit(inputs, place=settings.place)
    return _other_rows(AUDIT, store.read("audit"), found)


def evidence_token(reader: Reader) -> str:
    """Digest over the manifest of the tables that a verdict rests on."""
    manifest = reader.read_manifest()
    return text_hash(" ".join(digest_of(manifest, table) for table in (*RESTS_ON, "acceptance")))


def _other_rows(table: Table, stored: pd.DataFrame, computed: pd.DataFrame) -> list[str]:
    """Rows of a stored result that are not those computed again."""
    (key,) = table.key
    computed = canonical_frame(computed, table)
    then, now = (dict(zip(f[key], row_hashes(f, table), strict=True)) for f in (stored, computed))
    differ = [name for name in now if then.get(name) != now[name]] + sorted(set(then) - set(now))
    if not differ:
        return []
    return [
        f"{table.name}: the stored {', '.join(differ)} {'is' if len(differ) == 1 else 'are'} not "
        "what the stored results give; run `step3 run`"
    ]
