"""The shadow's assets: a step of the live account with the delivery in the store.

Belongs here: one step that writes the three tables together, and its metadata. Does not belong
here: reading and appending (:mod:`step3_assets.defs.shadow.accounts`), any decision or fill.
"""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import pandas as pd

from step3_assets.catalogue import TABLES
from step3_assets.config import Step3Config
from step3_assets.defs.jobs import SHADOW_TABLES
from step3_assets.defs.metadata import column_schema, png_metadata, readable, table_metadata
from step3_assets.defs.resources import PlatformResource
from step3_assets.defs.shadow.accounts import read_account, step_live
from step3_assets.defs.stored_inputs import dataset_in_force
from step3_assets.domain.shadow.step import EarlierDelivery, ShadowError, ShadowRows, StepResult


def build_shadow_assets(
    events: dg.AssetsDefinition,
    bar_features: dg.AssetsDefinition,
    calibrated_models: dg.AssetsDefinition,
) -> dg.AssetsDefinition:
    """The three tables of the shadow; one step appends to all of them in one transaction."""

    @dg.multi_asset(
        name="shadow_step",
        specs=[
            dg.AssetSpec(
                name,
                deps=[events, bar_features, calibrated_models],
                group_name="live",
                kinds={"duckdb"},
                owners=["team:step3"],
                description=TABLES[name].meaning,
                metadata=column_schema(name),
            )
            for name in SHADOW_TABLES
        ],
    )
    def shadow_step(platform: PlatformResource) -> Iterator[dg.MaterializeResult]:
        """Score each new candidate once, and record the fills that the new bars allow."""
        store, settings = platform.store(), platform.settings()
        config = settings.config
        try:
            result = step_live(store, settings)
        except EarlierDelivery as error:
            for name in SHADOW_TABLES:
                yield dg.MaterializeResult(asset_key=name, metadata={"nothing taken": str(error)})
            return
        except ShadowError as error:
            raise dg.Failure(str(error), allow_retries=False) from error
        stored = read_account(store, config.shadow.live_account)
        is_synthetic = bool(dataset_in_force(store)["is_synthetic"])
        described = _describe(result, stored, config, is_synthetic)
        for name in SHADOW_TABLES:
            yield dg.MaterializeResult(asset_key=name, metadata=described[name])

    return shadow_step


def _describe(
    result: StepResult, stored: ShadowRows, config: Step3Config, is_synthetic: bool
) -> dict[str, dict[str, Any]]:
    """Metadata of each table for the UI."""
    from step3_assets.domain.report.money_figures import equity_figure

    new, last = result.new, stored.deliveries.iloc[-1]
    reasons = new.decisions["gate_reason"].value_counts()
    exits = stored.fills[stored.fills["kind"] == "exit"]
    capital = config.execution.initial_capital_usd
    states = result.book.positions["state"]
    held = result.book.positions[~states.isin(["closed", "settled"])]
    equity = result.book.equity.assign(series=config.shadow.live_account)
    step = {
        "account": config.shadow.live_account,
        "arrival": int(last["arrival"]),
        "is new": not new.deliveries.empty,
        "bars known until": str(last["known_until_utc"]),
    }
    described = {
        "shadow_decisions": {
            "dagster/row_count": len(stored.decisions),
            **step,
            "scored now": len(new.decisions),
            "seen after their entry": int(new.decisions["is_late"].sum()),
            **{f"reason {reason}": int(count) for reason, count in reasons.items()},
            "models": table_metadata(_by_model(new.decisions)),
        },
        "shadow_fills": {
            "dagster/row_count": len(stored.fills),
            **step,
            "appended now": len(new.fills),
            "trades closed": len(exits),
            "P&L (USD)": float(exits["pnl_usd"].sum()),
            "contradictions": len(result.contradictions),
            "latest": table_metadata(_latest(stored.fills)),
        },
        "shadow_positions": {
            "dagster/row_count": len(stored.positions),
            **step,
            "open positions": len(held),
            "equity (USD)": float(last["equity_usd"]),
            "return (%)": float((last["equity_usd"] / capital - 1.0) * 100),
            "held": table_metadata(held),
            "equity": png_metadata(
                "equity", equity_figure(equity, is_synthetic=is_synthetic, small=True)
            ),
        },
    }
    return {name: readable(metadata) for name, metadata in described.items()}


def _by_model(decisions: pd.DataFrame) -> pd.DataFrame:
    weeks = decisions["calibrator_week"].map(str, na_action="ignore").fillna("its own")
    rows = decisions.assign(**{"calibrator of": weeks})
    counts = rows.groupby(["model_id", "model_hash", "calibrator of"]).size().rename("scored")
    return counts.reset_index()


def _latest(fills: pd.DataFrame) -> pd.DataFrame:
    shown = ["symbol", "kind", "time_utc", "status", "price_usd", "units", "pnl_usd"]
    return fills.sort_values("time_utc").tail(10)[shown]
