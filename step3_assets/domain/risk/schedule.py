"""The schedule: which settings of the rules are in force when.

Belongs here: settings by instant, for an account that runs through months with settings of their
own. Does not belong here: the rules' state, which continues whatever the settings
(:mod:`.engine`), who chose the settings (:mod:`step3_assets.domain.search`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from step3_assets.config import RiskConfig
from step3_assets.domain.core.instants import instant_us
from step3_assets.domain.core.months import month_start


@dataclass(frozen=True)
class RiskSchedule:
    """Settings one after another.

    Parameters
    ----------
    configs : tuple of RiskConfig
    from_us : tuple of int
        One less than there are settings. The next ones are in force after this instant,
        microseconds UTC: a close just at it still belongs to what came before, as its bar does.
    """

    configs: tuple[RiskConfig, ...]
    from_us: tuple[int, ...] = ()

    @classmethod
    def by_month(
        cls, config: RiskConfig, months: Sequence[date], settings: Mapping[date, RiskConfig]
    ) -> "RiskSchedule":
        """Each month's settings, `config` where a month has none; equal neighbours are one.

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
