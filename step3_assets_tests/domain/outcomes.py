"""Outcomes of two worlds, made up for tests: one planted and promoted, one null and not."""

from dataclasses import replace

from step3_assets.domain.pipeline.certification import WorldOutcome

PLANTED = WorldOutcome(
    seed=1,
    edge_bps=10.0,
    n_months=36,
    n_events=100,
    oracle_share=0.5,
    oracle_net_bps=10.0,
    oracle_total=0.05,
    platform_total=0.03,
    mock_total=0.01,
    n_gated=40,
    n_mock_gated=90,
    calmar=1.0,
    n_trades=20,
    is_promoted=True,
    failed_criteria="",
)
NULL = replace(PLANTED, edge_bps=0.0, oracle_total=0.0, is_promoted=False, failed_criteria="calmar")
