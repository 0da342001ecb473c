"""The simulation: from decisions to fills, trades and marked equity.

Belongs here: candidates, sizing, the one capital ledger, marking, reconciliation, cost stress.
Fold backtests, the portfolio, the search and the shadow ledger all call
:func:`~step3_assets.domain.execution.ledger.trade`. Does not belong here: deciding what to
trade, metrics, the verdict.
"""
