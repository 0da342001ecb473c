"""Validate a delivery before its path is stored in ``step3.toml``.

Belongs here: reading the delivery and refusing it. Does not belong here: the contract itself
(:mod:`step3_assets.domain.delivery`), writing ``step3.toml``
(:mod:`step3_assets.cli.installation`).
"""

from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from step3_assets.cli.failures import CommandFailed

if TYPE_CHECKING:
    from step3_assets.cli.progress import BarProgress
    from step3_assets.defs.settings import Settings


@dataclass(frozen=True)
class Given:
    """The delivery that a verb was given, if any."""

    folder: Path | None = None
    accept_withdrawal: bool = False

    def settings(self, settings: "Settings") -> "Settings":
        """The settings with the delivery that was given in the place of the remembered one.

        Raises
        ------
        CommandFailed
            If it is no folder.
        """
        if self.folder is None:
            return settings
        if not self.folder.is_dir():
            raise CommandFailed(f"{self.folder} is no folder; name a Step 2 delivery's folder")
        return replace(settings, delivery=self.folder.resolve())


def refuse_invalid(
    folder: Path, database: Path, progress: "BarProgress", accept_withdrawal: bool
) -> None:
    """Stop before anything is stored or remembered if the delivery is refused."""
    from step3_assets.defs.delivery.assets import load_delivery, stored_rows
    from step3_assets.domain.delivery import DeliveryError
    from step3_assets.domain.delivery.withdrawal import refuse_withdrawal
    from step3_assets.storage.store import Store

    try:
        delivery = load_delivery(folder, progress)
        if database.exists() and not accept_withdrawal:
            store = Store(database)
            store.ensure_tables()
            refuse_withdrawal(delivery, stored_rows(store))
    except DeliveryError as error:
        raise CommandFailed(str(error)) from error


def refuse_too_short(data_first: date, data_last: date, first_test: date) -> None:
    """Stop if the delivery holds no month that can be tested."""
    from step3_assets.domain.core.months import month_label, month_range

    if first_test <= data_last:
        return
    held, needed = (len(month_range(data_first, last)) for last in (data_last, first_test))
    raise CommandFailed(
        f"the delivery is too short: it holds {held} month(s), {month_label(data_first)} to "
        f"{month_label(data_last)}. The first test month needs a full training window before it "
        f"(train_months under [config.folds]), so the delivery must reach at least "
        f"{month_label(first_test)}: {needed} months"
    )
