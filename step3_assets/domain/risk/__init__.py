"""Risk: applying the risk rules, and the schedule of their limits.

Belongs here: the engine that applies the rules in order and records every refusal or exit, the
schedule of their limits. Does not belong here: the rules themselves
(:mod:`step3_assets.plugins.risk_rules`), the account that carries out their answers
(:mod:`step3_assets.domain.execution.account`), sizes, the gate.
"""
