"""The schedule: the settings of the risk rules over time.

Belongs here: settings by instant, for an account that runs through months with different settings.
Does not belong here: the state of the rules, which continues when settings change (:mod:`.engine`);
choosing the settings (:mod:`step3_assets.domain.search`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from step3_assets.config import RiskConfig
from step3_assets.domain.core.instants import instant_us
from step3_assets.domain.core.months import month_start


@dataclass(frozen=True)
class RiskSchedule:
    """Settings in order of time.

    Parameters
    ----------
    configs : tuple of RiskConfig
    from_us : tuple of int
        Instants of the changes, microseconds UTC, one fewer than there are settings. The next
        settings apply after the instant: a close exactly at it still has the settings before.
    """

    configs: tuple[RiskConfig, ...]
    from_us: tuple[int, ...] = ()

    @classmethod
    def by_month(
        cls, config: RiskConfig, months: Sequence[date], settings: Mapping[date, RiskConfig]
    ) -> "RiskSchedule":
        """The settings of each month, `config` for a month without; equal neighbours are merged.

        Examples
        --------
        >>> kill = RiskConfig(kill_drawdown_frac=0.05)
        >>> months = [date(2021, 5, 1), date(2021, 6, 1), date(2021, 7, 1)]
        >>> found = RiskSchedule.by_month(RiskConfig(), months, {months[2]: kill})
        >>> [c.kill_drawdown_frac for c in found.configs], found.from_us
        ([0.1, 0.05], (1625097600000000,))
        """
        configs = [settings.get(months[0], config)] if months else [config]
        starts = []
        for month in months[1:]:
            limits = settings.get(month, config)
            if limits != configs[-1]:
                configs.append(limits)
                starts.append(instant_us(month_start(month)))
        return cls(tuple(configs), tuple(starts))
