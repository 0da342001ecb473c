"""Risk rules, one file for each: small and deterministic; they never add exposure.

Belongs here: files that each declare one :class:`~step3_assets.plugins.risk_rule.RiskRule` and the
class that implements it (several records if one class serves several periods). A new file in this
folder is found automatically. Does not belong here: the account that carries out the rules' answers
(:mod:`step3_assets.domain.execution.account`), sizes, the gate.
"""

import sys

from step3_assets.plugins.discovery import discovered
from step3_assets.plugins.risk_rule import Kind, RiskRule
from step3_assets.plugins.setting import together

RULES: tuple[RiskRule, ...] = discovered(sys.modules[__name__], RiskRule)
"""Every rule, in the order of the report."""
RULE_NAMES = tuple(rule.name for rule in RULES)
STOP_NAMES = tuple(rule.name for rule in RULES if rule.kind is Kind.STOP)
RULE_SETTINGS = together(rule.settings for rule in RULES)
