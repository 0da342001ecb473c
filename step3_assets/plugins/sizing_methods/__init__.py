"""Sizing methods, one file for each: the share of its symbol's allocation that a decision requests.

Belongs here: files that each declare one :class:`~step3_assets.plugins.sizing_method.SizingMethod`
and its arithmetic. A new file in this folder is found automatically. Does not belong here: the
allocation (:mod:`step3_assets.domain.portfolio.allocation`), the state of the account and its caps
(:mod:`step3_assets.plugins.risk_rules`).
"""

import sys

from step3_assets.plugins.discovery import discovered
from step3_assets.plugins.setting import together
from step3_assets.plugins.sizing_method import SizingMethod

METHODS: tuple[SizingMethod, ...] = discovered(sys.modules[__name__], SizingMethod)
"""Every method; the first is the default."""
METHOD_OF = {method.name: method for method in METHODS}
METHOD_SETTINGS = together(method.settings for method in reversed(METHODS))
"""The settings of all methods, in the reverse order of the methods."""
SIZE_CAPS = tuple(dict.fromkeys(cap for method in METHODS for cap in method.caps))
