"""Risk rules: small, deterministic, each able to say no and none able to say more.

Belongs here: the rules, the data they see, the engine that asks them in order and keeps a row of
every answer. Does not belong here: the account that obeys
(:mod:`step3_assets.domain.execution.account`), sizes, the gate.
"""
