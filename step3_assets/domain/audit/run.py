"""The audit as a whole: its checks in order, and table ``audit``.

Belongs here: the list of checks. Does not belong here: a check.

A check that could not run has not passed, and its evidence says why.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd

from step3_assets.catalogue.results import AUDIT
from step3_assets.domain.audit.bar_clock import check_fills, check_label_clock, check_signals
from step3_assets.domain.audit.canaries import check_shuffled_labels, check_single_features
from step3_assets.domain.audit.coverage import (
    check_every_month,
    check_maturity,
    check_overlap_after_gate,
)
from step3_assets.domain.audit.cross_fitting import check_cross_fitting
from step3_assets.domain.audit.inputs import AuditInputs, Evidence
from step3_assets.domain.audit.known_at import check_known_at
from step3_assets.domain.audit.labels_again import check_costs, check_labels
from step3_assets.domain.audit.prefix import check_prefix
from step3_assets.domain.audit.purge_again import check_purge
from step3_assets.domain.audit.scores_again import check_scores_again
from step3_assets.domain.audit.time_travel import check_models, check_scores
from step3_assets.domain.audit.weights import check_weights

CHECKS: dict[str, Callable[[AuditInputs], Evidence]] = {
    "known_at": check_known_at,
    "signals_on_their_bars": check_signals,
    "prefix_rule": check_prefix,
    "label_clock": check_label_clock,
    "labels_computed_again": check_labels,
    "every_month_counts": check_every_month,
    "labels_are_final": check_maturity,
    "purge_and_embargo": check_purge,
    "weights_know_no_outcome": check_weights,
    "blocks_are_cross_fitted": check_cross_fitting,
    "time_travel_models": check_models,
    "time_travel_scores": check_scores,
    "scores_computed_again": check_scores_again,
    "overlap_after_gate": check_overlap_after_gate,
    "fills_at_opens": check_fills,
    "costs_paid": check_costs,
    "shuffled_labels": check_shuffled_labels,
    "single_feature_scan": check_single_features,
}


def run_audit(inputs: AuditInputs, on_check: Callable[[], None] = lambda: None) -> pd.DataFrame:
    """Every check, one after the other.

    Parameters
    ----------
    inputs : AuditInputs
    on_check : callable
        Called after each check, for progress.

    Returns
    -------
    DataFrame
        Table ``audit``.
    """
    rows = []
    for position, (name, check) in enumerate(CHECKS.items(), start=1):
        try:
            evidence = check(inputs)
        except Exception as error:  # a check that stops for any reason has not passed
            evidence = Evidence(False, f"Could not be run: {type(error).__name__}: {error}")
        rows.append(
            {
                "check": name,
                "position": position,
                "is_passed": bool(evidence.is_passed),
                "evidence": evidence.text,
            }
        )
        on_check()
    return pd.DataFrame(rows)[AUDIT.names]


def failed_checks(audit: pd.DataFrame) -> list[str]:
    """Checks that have not passed: failed, missing or doubled; in the order of the page.

    Only a plain true counts as passed.
    """
    marks: dict[str, list[bool]] = {name: [] for name in CHECKS}
    for name, mark in zip(audit["check"], audit["is_passed"], strict=True):
        marks.setdefault(name, []).append(isinstance(mark, bool | np.bool_) and bool(mark))
    return [name for name, found in marks.items() if found != [True]]


def audit_verdict(audit: pd.DataFrame) -> str:
    """One line: how many checks passed, and which did not.

    A check that is not in the table has not passed.
    """
    failed = failed_checks(audit)
    if not failed:
        return f"AUDIT PASSED: {len(CHECKS)} of {len(CHECKS)} checks"
    return f"AUDIT FAILED: {', '.join(failed)}"
