"""Risk: asking the rules, and which of their limits are in force when.

Belongs here: the engine that asks the rules in order and keeps a row of every answer, the schedule
of their limits. Does not belong here: the rules themselves
(:mod:`step3_assets.plugins.risk_rules`), the account that obeys
(:mod:`step3_assets.domain.execution.account`), sizes, the gate.
"""
