"""Each check finds the fault that is planted in its tables, and describes it."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from step3_assets.domain.audit.inputs import AuditInputs
from step3_assets.domain.audit.run import CHECKS
from step3_assets.domain.models.features import features_hash
from step3_assets.domain.models.text_format import dump_numbers, load_numbers, payload_sha256
from step3_assets_tests.domain.audit.audited import MONTHS, set_rows

HOUR = pd.Timedelta(hours=1)


def outcome_in_the_settings(i: AuditInputs) -> AuditInputs:
    names = (*i.config.models.features, "touch_delay_bars")
    models = i.config.models.model_copy(update={"features": names})
    return replace(i, config=i.config.model_copy(update={"models": models}))


def outcome_in_a_model(i: AuditInputs) -> AuditInputs:
    is_list = (i.models["head"] == "features").to_numpy()
    stored = load_numbers(i.models.loc[is_list, "payload"].item())
    stored["names"] = [*stored["names"], "hold_bars"]
    text = dump_numbers(stored)
    models = set_rows(i.models, is_list, payload=text, payload_sha256=payload_sha256(text))
    models["features_hash"] = features_hash(stored["names"])
    return replace(i, models=models)


def other_features_in_a_month(i: AuditInputs) -> AuditInputs:
    return replace(i, features_hashes={**i.features_hashes, MONTHS[0]: {"0123456789abcdef"}})


def next_bar_s_signal(i: AuditInputs) -> AuditInputs:
    bars = i.bars[["symbol", "bar_idx", "vol_z"]].assign(bar_idx=i.bars["bar_idx"] - 1)
    later = i.events[["symbol", "t_idx"]].merge(
        bars.rename(columns={"bar_idx": "t_idx"}), on=["symbol", "t_idx"], how="left"
    )
    return replace(i, events=i.events.assign(vol_z=later["vol_z"].to_numpy()))


def the_other_s_next_bar(i: AuditInputs) -> AuditInputs:
    names = ["sigma", "u_atr", "trend_score", "pullback_z", "vol_z", "range_ratio"]
    names.append("ema_fast_slope")
    bars = i.bars[["symbol", "date", *names]]
    wanted = i.events[["cross_symbol", "decision_time_utc"]].set_axis(["symbol", "date"], axis=1)
    wanted["date"] += HOUR
    found = wanted.merge(bars, on=["symbol", "date"], how="left")
    rows = found["sigma"].notna().to_numpy()
    events = i.events.copy()
    events.loc[rows, "cross_age_min"] = -60.0
    for name in names:
        events.loc[rows, f"cross_{name}"] = found.loc[rows, name].to_numpy()
    return replace(i, events=events)


def the_gap_to_come(i: AuditInputs) -> AuditInputs:
    gap = i.bars[["symbol", "bar_idx", "gap_ret_realized"]].rename(columns={"bar_idx": "t_idx"})
    found = i.events[["symbol", "t_idx"]].merge(gap, on=["symbol", "t_idx"], how="left")
    return replace(i, events=i.events.assign(gap_mu=found["gap_ret_realized"].to_numpy()))


def the_next_close_everywhere(i: AuditInputs) -> AuditInputs:
    """In bars and events alike, so that the two agree."""
    bars = i.bars.sort_values(["symbol", "bar_idx"])
    ahead = bars.groupby("symbol")["close"].shift(-1) / bars["close"] - 1.0
    bars = bars.assign(range_ratio=ahead).reindex(i.bars.index)
    return next_column(replace(i, bars=bars), "range_ratio")


def a_rank_over_the_whole_sample(i: AuditInputs) -> AuditInputs:
    bars = i.bars.assign(sigma_prank=i.bars.groupby("symbol")["sigma"].rank(pct=True))
    return next_column(replace(i, bars=bars), "sigma_prank")


def next_column(i: AuditInputs, name: str) -> AuditInputs:
    """Carry a bar column over to the events."""
    column = i.bars[["symbol", "bar_idx", name]].rename(columns={"bar_idx": "t_idx"})
    found = i.events[["symbol", "t_idx"]].merge(column, on=["symbol", "t_idx"], how="left")
    return replace(i, events=i.events.assign(**{name: found[name].to_numpy()}))


def decided_at_the_bar_s_start(i: AuditInputs) -> AuditInputs:
    early = i.events["decision_time_utc"]
    return replace(i, events=i.events.assign(decision_instant_utc=early))


def entered_at_the_decision_bar(i: AuditInputs) -> AuditInputs:
    opens = i.bars[["symbol", "bar_idx", "open"]].rename(columns={"bar_idx": "t_idx"})
    found = i.events[["symbol", "t_idx"]].merge(opens, on=["symbol", "t_idx"])
    own = {"entry_time_utc": i.events["decision_time_utc"], "entry_open": found["open"].to_numpy()}
    return replace(i, events=i.events.assign(**own))


def left_at_the_barrier(i: AuditInputs) -> AuditInputs:
    price = i.events["entry_open"] * np.exp(i.events["a_tp"])
    return replace(i, events=i.events.assign(exit_open=price))


def rows_of_another_build(i: AuditInputs) -> AuditInputs:
    return replace(i, events=i.events.assign(t_idx=i.events["t_idx"] + 28))


def nights_that_are_none(i: AuditInputs) -> AuditInputs:
    rows = np.flatnonzero(i.events["entry_overnight"] > 0)[:5]
    return replace(i, events=set_rows(i.events, rows, entry_overnight=0))


def a_month_left_out(i: AuditInputs) -> AuditInputs:
    quiet = MONTHS[0]
    return replace(
        i,
        folds=i.folds[i.folds["month"] != quiet],
        fold_members=i.fold_members[i.fold_members["month"] != quiet],
        scores=i.scores[i.scores["month"] != quiet],
    )


def events_left_unscored(i: AuditInputs) -> AuditInputs:
    return replace(i, scores=i.scores.iloc[6:])


def an_event_scored_twice(i: AuditInputs) -> AuditInputs:
    return replace(i, scores=pd.concat([i.scores, i.scores.iloc[:1]]))


def provisional_labels_train(i: AuditInputs) -> AuditInputs:
    return replace(i, events=set_rows(i.events, [500, 501], maturity="provisional"))


def a_trade_on_a_label_that_may_change(i: AuditInputs) -> AuditInputs:
    trade = i.trades.iloc[0]
    row = (i.events["symbol"] == trade["symbol"]) & (
        i.events["decision_time_utc"] == trade["decision_time_utc"]
    )
    members = i.fold_members[i.fold_members["role"] == "test"]
    return replace(i, events=set_rows(i.events, row, maturity="pending"), fold_members=members)


def role_becomes_fit(role: str):
    def plant(i: AuditInputs) -> AuditInputs:
        rows = (i.fold_members["role"] == role).to_numpy()
        assert rows.any()
        return replace(i, fold_members=set_rows(i.fold_members, rows, role="fit"))

    return plant


def a_block_trains_on_itself(i: AuditInputs) -> AuditInputs:
    rows = i.fold_members["inner_fold"].notna().to_numpy()
    own = i.fold_members.loc[rows, "inner_fold"].to_numpy()
    return replace(i, fold_members=set_rows(i.fold_members, rows, inner_train_from=own))


def an_older_window(i: AuditInputs) -> AuditInputs:
    folds = i.config.folds.model_copy(update={"train_months": 24})
    members = i.fold_members.assign(role=i.fold_members["role"].replace({"outside_window": "fit"}))
    old = set_rows(i.events, slice(0, 3), decision_time_utc=lambda s: s - pd.Timedelta(days=999))
    first = members[members["role"] == "fit"].index[:1]
    members.loc[first, "decision_time_utc"] = old["decision_time_utc"].iloc[0]
    members.loc[first, "symbol"] = old["symbol"].iloc[0]
    config = i.config.model_copy(update={"folds": folds})
    return replace(i, events=old, fold_members=members, config=config)


def a_refused_row_blocks(i: AuditInputs) -> AuditInputs:
    """The first trade is gone, as if a candidate that the gate refused had held its place."""
    first = i.trades.sort_values("decision_time_utc").iloc[0]
    row = (i.decisions["symbol"] == first["symbol"]) & (
        i.decisions["decision_time_utc"] == first["decision_time_utc"]
    )
    trades = i.trades.drop(index=first.name)
    return replace(i, trades=trades, decisions=set_rows(i.decisions, row, status="position_open"))


def a_gated_row_is_forgotten(i: AuditInputs) -> AuditInputs:
    return replace(i, decisions=i.decisions.iloc[1:])


def filled_at_the_close_before(i: AuditInputs) -> AuditInputs:
    return replace(i, trades=i.trades.assign(entry_open=i.trades["entry_open"] * 0.9995))


def filled_before_the_decision(i: AuditInputs) -> AuditInputs:
    return replace(i, trades=i.trades.assign(entry_time_utc=i.trades["decision_time_utc"]))


def traded_for_free(i: AuditInputs) -> AuditInputs:
    return replace(i, trades=i.trades.assign(cost_exit_usd=0.0))


def the_outcome_as_a_signal(i: AuditInputs) -> AuditInputs:
    rng = np.random.default_rng(0)
    noise = rng.standard_normal(len(i.events))
    known = i.events["net_logret"] / i.events["net_logret"].std() + 2.0 * noise
    return replace(i, events=i.events.assign(ret_spread=known))


def the_bar_s_own_future(i: AuditInputs) -> AuditInputs:
    bars = i.bars.sort_values(["symbol", "bar_idx"])
    ahead = bars.groupby("symbol")["close"].shift(-4) / bars["close"] - 1.0
    bars = bars.assign(ema_fast_slope=ahead.fillna(0.0)).reindex(i.bars.index)
    return next_column(replace(i, bars=bars), "ema_fast_slope")


def one_symbol_s_own_future(i: AuditInputs) -> AuditInputs:
    """The stamps of one symbol are shifted; pooled with the other, the leak is diluted."""
    events = the_bar_s_own_future(i).events
    rng = np.random.default_rng(1)
    weak = events["ema_fast_slope"] + 0.004 * rng.standard_normal(len(events))
    is_shifted = (events["symbol"] == "QQQ").to_numpy()
    column = np.where(is_shifted, weak, rng.standard_normal(len(events)) * weak.std())
    return replace(i, events=events.assign(ema_fast_slope=column))


def the_partner_s_stamps_an_hour_early(i: AuditInputs) -> AuditInputs:
    """A partner that moves like QQQ (correlation 0.9) bears the stamps of the bars before.

    Rows, stamps and signals of either symbol agree with one another: no other check can see it.
    """
    bars = i.bars.sort_values(["symbol", "bar_idx"])
    price = bars.assign(log_close=np.log(bars["close"]))
    move = price.groupby("symbol")["log_close"].diff()
    rng = np.random.default_rng(2)
    noise = 0.44 * move.std() * rng.standard_normal(len(bars))
    seen = 0.9 * move.groupby(bars["symbol"]).shift(-1) + noise
    known = bars[["symbol", "bar_idx"]].assign(spread=move - seen)
    keys = i.events[["symbol", "t_idx"]].rename(columns={"t_idx": "bar_idx"})
    spread = keys.merge(known, on=["symbol", "bar_idx"], how="left")["spread"].to_numpy()
    is_qqq = (i.events["symbol"] == "QQQ").to_numpy()
    mixed = np.where(is_qqq, spread, i.events["ret_spread"])
    return replace(i, events=i.events.assign(ret_spread=mixed))


def gross_at_the_barrier(i: AuditInputs) -> AuditInputs:
    return replace(i, events=i.events.assign(gross_logret=i.events["a_tp"]))


def costs_halved_overnight(i: AuditInputs) -> AuditInputs:
    """In the label alone: parts and outcome stay."""
    rows = (i.events["entry_overnight"] > 0).to_numpy()
    halved = set_rows(i.events, rows, cost_rt=lambda c: c / 2.0)
    net = halved["gross_logret"] - halved["cost_rt"]
    return replace(i, events=halved.assign(net_logret=net, y=(net > 0).astype("int64")))


def labels_without_cost(i: AuditInputs) -> AuditInputs:
    gross = i.events["gross_logret"]
    return replace(i, events=i.events.assign(net_logret=gross, y=(gross > 0).astype("int64")))


def winners_that_lost(i: AuditInputs) -> AuditInputs:
    rows = np.flatnonzero((i.events["y"] == 0).to_numpy())[:7]
    return replace(i, events=set_rows(i.events, rows, y=1))


def held_past_the_first_touch(i: AuditInputs) -> AuditInputs:
    """A stop is waited out: the label runs on to its horizon."""
    rows = np.flatnonzero((i.events["exit_reason"] == "sl").to_numpy())[:3]
    later = i.events["t_idx"].iloc[rows] + i.events["H"].iloc[rows] + 2
    events = set_rows(i.events, rows, exit_reason="horizon")
    events.loc[events.index[rows], "label_end_idx"] = later.to_numpy()
    return replace(i, events=events)


def stops_called_targets(i: AuditInputs) -> AuditInputs:
    rows = np.flatnonzero((i.events["exit_reason"] == "sl").to_numpy())[:3]
    return replace(i, events=set_rows(i.events, rows, exit_reason="tp"))


def half_the_cost_paid(i: AuditInputs) -> AuditInputs:
    return replace(i, trades=i.trades.assign(cost_entry_usd=i.trades["cost_entry_usd"] / 2.0))


def overnight_trades_pay_less(i: AuditInputs) -> AuditInputs:
    nights = i.events[i.events["entry_overnight"] > 0][["symbol", "decision_time_utc"]]
    held = i.trades.merge(nights, how="left", indicator=True)["_merge"] == "both"
    assert held.any()
    trades = set_rows(i.trades, held.to_numpy(), cost_exit_usd=lambda c: 0.5 * c)
    return replace(i, trades=trades)


def costs_and_parts_halved_overnight(i: AuditInputs) -> AuditInputs:
    """Consistently, so that every sum is right."""
    rows = (i.events["entry_overnight"] > 0).to_numpy()
    names = ("cost_rt", "spread_half", "slip_half")
    halved = set_rows(i.events, rows, **dict.fromkeys(names, lambda c: c / 2.0))
    lost = i.knobs.commission_round_trip_bps / 2e4
    halved.loc[rows, "cost_rt"] += lost
    net = halved["gross_logret"] - halved["cost_rt"]
    return replace(i, events=halved.assign(net_logret=net, y=(net > 0).astype("int64")))


def labels_that_exit_at_the_barrier(i: AuditInputs) -> AuditInputs:
    """Price, gross, net and outcome agree with one another."""
    rows = (i.events["exit_reason"] == "tp").to_numpy() & (i.events["maturity"] == "final")
    events = i.events.copy()
    at_barrier = events["entry_open"] * np.exp(events["a_tp"])
    events["exit_open"] = events["exit_open"].mask(rows, at_barrier)
    events["gross_logret"] = np.log(events["exit_open"] / events["entry_open"])
    events["net_logret"] = events["gross_logret"] - events["cost_rt"]
    return replace(i, events=events.assign(y=(events["net_logret"] > 0).astype("int64")))


def in_scores(rows: Callable[[pd.DataFrame], pd.Series], **values):
    """Some scores of the last month hold other values."""

    def plant(i: AuditInputs) -> AuditInputs:
        chosen = (i.scores["month"] == MONTHS[-1]) & rows(i.scores)
        assert chosen.any()
        return replace(i, scores=set_rows(i.scores, chosen.to_numpy(), **values))

    return plant


def all_rows(scores: pd.DataFrame) -> pd.Series:
    return scores["ev_final"].notna()


def mean_slope_doubled(i: AuditInputs) -> AuditInputs:
    """What scoring would give with twice the stored slope."""
    is_blend = (i.models["head"] == "blend").to_numpy()
    stored = load_numbers(i.models.loc[is_blend, "payload"].item())
    rows = i.scores.merge(i.events, on=["symbol", "decision_time_utc"], how="left")
    scaled = (rows["ev_ml"] + rows["cost_rt"]) / rows["u_atr"] - stored["mean_level"]
    ev_ml = rows["u_atr"] * (stored["mean_level"] + 2.0 * scaled) - rows["cost_rt"]
    return replace(i, scores=i.scores.assign(ev_ml=ev_ml.to_numpy()))


def a_gate_that_asks_less_than_its_settings(i: AuditInputs) -> AuditInputs:
    gate = i.config.gate.model_copy(update={"k": 5.0})
    return replace(i, config=i.config.model_copy(update={"gate": gate}))


def quantiles_left_crossed(i: AuditInputs) -> AuditInputs:
    return replace(i, scores=i.scores.assign(q10=i.scores["q90"], q90=i.scores["q10"]))


PLANTS = [
    ("prefix_rule", costs_and_parts_halved_overnight, "cost_rt differs"),
    ("label_clock", labels_that_exit_at_the_barrier, "not left at an open"),
    ("scores_computed_again", mean_slope_doubled, "with another ev_ml"),
    ("scores_computed_again", quantiles_left_crossed, "with other quantiles, or crossed ones"),
    (
        "scores_computed_again",
        in_scores(all_rows, ev_final=lambda ev: ev + 1e-4),
        "with another ev_final",
    ),
    (
        "scores_computed_again",
        in_scores(all_rows, p_calibrated=lambda p: 0.5 + 2.0 * (p - 0.5)),
        "with another calibrated probability",
    ),
    (
        "scores_computed_again",
        a_gate_that_asks_less_than_its_settings,
        "let through that the gate refuses",
    ),
    (
        "scores_computed_again",
        in_scores(lambda s: s["is_gated"], is_gated=False),
        "refused that the gate lets through",
    ),
    ("known_at", outcome_in_the_settings, "touch_delay_bars is a feature and is known later"),
    ("known_at", outcome_in_a_model, "saw hold_bars"),
    ("known_at", other_features_in_a_month, "2021-01 have a feature list that no"),
    ("signals_on_their_bars", next_bar_s_signal, "vol_z is not that of its own bar"),
    ("signals_on_their_bars", the_other_s_next_bar, "see a bar of the other still open"),
    ("signals_on_their_bars", the_gap_to_come, "gap_mu is not that of its own bar"),
    ("prefix_rule", next_bar_s_signal, "vol_z differs"),
    ("prefix_rule", the_next_close_everywhere, "range_ratio differs"),
    ("prefix_rule", a_rank_over_the_whole_sample, "sigma_prank differs"),
    ("label_clock", decided_at_the_bar_s_start, "decided before their bar had ended"),
    ("label_clock", entered_at_the_decision_bar, "entered before they were decided"),
    ("label_clock", left_at_the_barrier, "not left at an open"),
    ("label_clock", rows_of_another_build, "decided on another bar than t_idx names"),
    ("label_clock", nights_that_are_none, "5 event(s) wrong about the night"),
    ("every_month_counts", a_month_left_out, "2021-01 is no fold"),
    ("every_month_counts", events_left_unscored, "6 event(s) not scored"),
    ("every_month_counts", an_event_scored_twice, "1 event(s) twice scored"),
    ("labels_are_final", provisional_labels_train, "training row(s) on a label not final"),
    ("labels_are_final", a_trade_on_a_label_that_may_change, "1 trade(s) on a label not final"),
    ("purge_and_embargo", role_becomes_fit("purged"), "with a label that reaches it"),
    ("purge_and_embargo", role_becomes_fit("embargoed"), "inside its embargo"),
    ("purge_and_embargo", role_becomes_fit("test"), "decided in it"),
    ("purge_and_embargo", a_block_trains_on_itself, "inner block"),
    ("purge_and_embargo", an_older_window, "before the window"),
    ("overlap_after_gate", a_refused_row_blocks, "kept out by no position"),
    ("overlap_after_gate", a_gated_row_is_forgotten, "gated but never decided"),
    ("fills_at_opens", filled_at_the_close_before, "entered at another price than the open"),
    ("fills_at_opens", filled_before_the_decision, "entered before they were decided"),
    ("fills_at_opens", traded_for_free, "without a cost"),
    (
        "single_feature_scan",
        the_outcome_as_a_signal,
        "ret_spread: rank correlation with the outcome",
    ),
    ("single_feature_scan", the_bar_s_own_future, "ema_fast_slope: rank correlation with"),
    (
        "single_feature_scan",
        one_symbol_s_own_future,
        "ema_fast_slope of QQQ: rank correlation with",
    ),
    (
        "single_feature_scan",
        the_partner_s_stamps_an_hour_early,
        "ret_spread of QQQ: rank correlation with the next bar's move",
    ),
    ("labels_computed_again", gross_at_the_barrier, "whose gross return is not that of their"),
    ("labels_computed_again", left_at_the_barrier, "whose gross return is not that of their"),
    ("labels_computed_again", costs_halved_overnight, "whose cost is not the sum of its parts"),
    ("labels_computed_again", labels_without_cost, "whose net return is not gross less cost"),
    ("labels_computed_again", winners_that_lost, "7 event(s) whose outcome is not that of"),
    ("labels_computed_again", held_past_the_first_touch, "3 event(s) with an exit other than"),
    ("labels_computed_again", stops_called_targets, "3 event(s) with another exit reason"),
    ("costs_paid", half_the_cost_paid, "that paid less at the entry than half"),
    ("costs_paid", overnight_trades_pay_less, "that paid less at the exit than half"),
    ("costs_paid", traded_for_free, "that paid less at the exit than half"),
]


@pytest.mark.parametrize("check", CHECKS)
def test_honest_results_pass(honest, check):
    found = CHECKS[check](honest)
    assert found.is_passed, found.text
    assert found.text.endswith(".")


@pytest.mark.parametrize(("check", "plant", "said"), PLANTS)
def test_a_planted_fault_is_seen(honest, check, plant, said):
    found = CHECKS[check](plant(honest))
    assert not found.is_passed
    assert said in found.text
