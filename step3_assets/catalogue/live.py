"""Tables of the live loop: weekly models, recalibrations and the shadow account.

Belongs here: descriptions only. Does not belong here: code that reads, writes or computes.
"""

from step3_assets.catalogue.column import MONTH, Column, KnownAt, PartitionDates, Table
from step3_assets.catalogue.decisions import SCORES
from step3_assets.catalogue.portfolio import TRADE_STATUSES, metric_columns

_I = KnownAt.IDENTITY
_D = KnownAt.DECISION
_F = KnownAt.FOLD_START
_R = KnownAt.RESULT
_W = KnownAt.WEEK_START


RECALIBRATION_REASONS = (
    "no_worse",
    "worse_brier",
    "worse_log_loss",
    "too_few_labels",
    "one_outcome",
    "too_few_new_labels",
    "no_challenger",
    "no_model",
)


WEEK = Column("week", "DATE", _I, "The week, as its Monday.")


WEEKLY_MODELS = Table(
    "weekly_models",
    "Every model of a retrained week with its calibrator and blend, as text that executes nothing.",
    "weekly_models",
    (
        WEEK,
        Column("head", "VARCHAR", _W, "Which model, as in calibrated_models."),
        Column("as_of_utc", "TIMESTAMPTZ", _I, "The week's first open.", "UTC"),
        Column("format", "VARCHAR", _W, "lightgbm text or json of plain numbers."),
        Column("n_rows", "BIGINT", _W, "Training rows.", "rows"),
        Column("n_independent", "DOUBLE", _W, "The same, weighted by uniqueness.", "rows"),
        Column(
            "last_final_utc",
            "TIMESTAMPTZ",
            _W,
            "When the last of their labels became final; before as_of_utc.",
            "UTC",
            is_nullable=True,
        ),
        Column("payload", "VARCHAR", _W, "The model."),
        Column("payload_sha256", "VARCHAR", _W, "Checked on load."),
        Column("features_hash", "VARCHAR", _W, "Hash of the feature list, in order."),
        Column("config_hash", "VARCHAR", _W, "Hash of the configuration it was trained with."),
        Column("members_hash", "VARCHAR", _W, "Hash of the fold it was trained on."),
        Column("labels_hash", "VARCHAR", _W, "Hash of the training rows' keys and outcomes."),
        Column(
            "inputs_hash",
            "VARCHAR",
            _W,
            "Hash of the training rows, their roles and the settings; equal hash, equal models.",
        ),
    ),
    ("week", "head"),
    partition="week",
    partition_dates=PartitionDates.WEEK,
)


_CHECKED = (
    ("raw", "the classifier's own probability (retrain: the new one's)"),
    ("fold", "the base model's own calibrated probability"),
    ("incumbent", "the one in force last week"),
    ("new", "calibrators fitted before each label's own session (retrain: the new models)"),
)


RECALIBRATIONS = Table(
    "recalibrations",
    "The weekly recalibration: a new calibrator (with retraining, new models), the check that "
    "compared it with the one in force, and which of the two the week uses.",
    "recalibrations",
    (
        WEEK,
        Column(
            "method",
            "VARCHAR",
            _I,
            "What is refitted: the calibrator alone, or every model.",
            allowed=("calibrator", "retrain"),
        ),
        Column("first_session", "DATE", _I, "First session of the week."),
        Column("as_of_utc", "TIMESTAMPTZ", _I, "Its open: labels final before it count.", "UTC"),
        Column("data_end_utc", "TIMESTAMPTZ", _W, "End of the last bar before it.", "UTC"),
        Column("base_month", "DATE", _W, "Fold whose models score the week, by its test month."),
        Column(
            "base_source",
            "VARCHAR",
            _W,
            "Where the base models come from: the champion, the fold of the calendar month, or "
            "the fold of the month before while the month has none.",
            allowed=("champion", "calendar_month", "month_before"),
        ),
        Column("base_hash", "VARCHAR", _W, "Hash of those models; empty where there are none."),
        Column("n_labels", "BIGINT", _W, "Labels that the new one is fitted on.", "rows"),
        Column("n_independent", "DOUBLE", _W, "The same, weighted by uniqueness.", "rows"),
        Column(
            "last_final_utc",
            "TIMESTAMPTZ",
            _W,
            "When the last of them became final; before as_of_utc.",
            "UTC",
            is_nullable=True,
        ),
        Column(
            "labels_hash",
            "VARCHAR",
            _W,
            "Hash of those labels and their raw probabilities; retrain: as in weekly_models.",
        ),
        Column(
            "new_week",
            "DATE",
            _W,
            "Week that the new one was made for: the week itself; retrain: an earlier one, null if "
            "none.",
            is_nullable=True,
        ),
        Column(
            "incumbent_week",
            "DATE",
            _W,
            "Week of what was in force before; null: the base model's own.",
            is_nullable=True,
        ),
        Column(
            "check_from_utc",
            "TIMESTAMPTZ",
            _W,
            "The check uses labels that became final from here on; neither side has seen them.",
            "UTC",
            is_nullable=True,
        ),
        Column("n_check", "BIGINT", _W, "Labels checked on.", "rows"),
        *(
            Column(f"{metric}_{of}", "DOUBLE", _W, f"{text} of {what}.", unit, is_nullable=True)
            for metric, text, unit in (
                ("brier", "Brier score", ""),
                ("log_loss", "Log loss", "nats"),
                ("ece", "Expected calibration error", "fraction"),
            )
            for of, what in _CHECKED
        ),
        Column("is_used", "BOOLEAN", _W, "The new one is in force in the week."),
        Column("reason", "VARCHAR", _W, "Result of the check.", allowed=RECALIBRATION_REASONS),
        Column("calibrator", "VARCHAR", _W, "The new one, if any.", "JSON", is_nullable=True),
        Column("calibrator_sha256", "VARCHAR", _W, "Checked on load.", is_nullable=True),
        Column("new_hash", "VARCHAR", _W, "Retrain: hash of the new models.", is_nullable=True),
        Column(
            "in_force_week",
            "DATE",
            _W,
            "Week of what is in force in this one; null: the base model's own.",
            is_nullable=True,
        ),
        Column("in_force", "VARCHAR", _W, "The calibrator in force.", "JSON", is_nullable=True),
        Column("in_force_sha256", "VARCHAR", _W, "Checked on load.", is_nullable=True),
        Column("in_force_hash", "VARCHAR", _W, "Retrain: hash of those models.", is_nullable=True),
        Column("config_hash", "VARCHAR", _W, "Hash of the settings it was made with."),
    ),
    ("week",),
    partition="week",
    partition_dates=PartitionDates.WEEK,
)


_SHADOW_KEY = (
    Column("account", "VARCHAR", _I, "The live account, or replay:FIRST..LAST month."),
    Column("symbol", "VARCHAR", _I, "Ticker."),
    Column("decision_time_utc", "TIMESTAMPTZ", _I, "Key of the event.", "UTC"),
)

_ARRIVAL = Column(
    "arrival", "BIGINT", _R, "Number of the delivery in whose step the row was appended."
)


SHADOW_DELIVERIES = Table(
    "shadow_deliveries",
    "Deliveries that a shadow account has processed, with checksums of the appended rows.",
    "shadow_decisions",
    (
        _SHADOW_KEY[0],
        Column("arrival", "BIGINT", _I, "Number of the delivery, from 1 in each account."),
        Column("arrival_utc", "TIMESTAMPTZ", _I, "End of the delivery's last bar.", "UTC"),
        Column(
            "known_until_utc",
            "TIMESTAMPTZ",
            _R,
            "Up to where every symbol has bars: the account is simulated until then.",
            "UTC",
        ),
        Column("first_month", "DATE", _I, "First month of the account."),
        Column("last_month", "DATE", _I, "Last month of a replay.", is_nullable=True),
        Column("settings_hash", "VARCHAR", _I, "Hash of execution, risk and allocation settings."),
        Column("n_scored", "BIGINT", _R, "Candidates seen for the first time.", "events"),
        Column("n_late", "BIGINT", _R, "Of these, seen after their entry.", "events"),
        Column("n_fills", "BIGINT", _R, "Fills and refusals appended.", "rows"),
        Column("n_open", "BIGINT", _R, "Positions ordered or held.", "positions"),
        Column("equity_usd", "DOUBLE", _R, "Equity at the last known bar close.", "USD"),
        Column("decisions_hash", "VARCHAR", _R, "Over the decisions it appended."),
        Column("fills_hash", "VARCHAR", _R, "Over the fills it appended."),
        Column("positions_hash", "VARCHAR", _R, "Over the positions it appended."),
    ),
    ("account", "arrival"),
    partition=None,
)


SHADOW_DECISIONS = Table(
    "shadow_decisions",
    "Every candidate, scored once when it was first seen by the model in force; append-only.",
    "shadow_decisions",
    (
        *_SHADOW_KEY,
        MONTH,
        _ARRIVAL,
        Column("first_seen_utc", "TIMESTAMPTZ", _R, "End of that delivery's last bar.", "UTC"),
        Column("is_late", "BOOLEAN", _R, "The entry was before that: traded on paper only."),
        Column("decision_instant_utc", "TIMESTAMPTZ", _I, "End of the decision bar.", "UTC"),
        Column(
            "maturity_seen",
            "VARCHAR",
            _R,
            "The label when it was first seen; no score reads it.",
            allowed=("final", "provisional", "pending"),
        ),
        Column("model_id", "VARCHAR", _F, "The model in force, as in model_registry."),
        Column("model_hash", "VARCHAR", _F, "Hash over all its stored heads."),
        Column(
            "calibrator_week",
            "DATE",
            _W,
            "Week whose calibrator, or retrained models, scored it; null: the model's own.",
            is_nullable=True,
        ),
        Column("calibrator_sha256", "VARCHAR", _W, "Of that calibrator.", is_nullable=True),
        Column("settings_hash", "VARCHAR", _F, "Hash of model, gate and sizing settings."),
        Column("event_hash", "VARCHAR", _D, "Hash of the event's columns known at the decision."),
        *SCORES.columns[3:],
    ),
    ("account", "symbol", "decision_time_utc"),
    partition=None,
)


SHADOW_FILLS = Table(
    "shadow_fills",
    "The entry and exit, or the refusal, of every gated decision, once the bars show it; "
    "append-only.",
    "shadow_fills",
    (
        *_SHADOW_KEY,
        Column("kind", "VARCHAR", _I, "What happened.", allowed=("entry", "exit", "refused")),
        _ARRIVAL,
        Column("time_utc", "TIMESTAMPTZ", _R, "Fill, or the close it was refused at.", "UTC"),
        Column("status", "VARCHAR", _R, "traded, or why not.", allowed=TRADE_STATUSES),
        *(
            Column(name, "DOUBLE", _R, meaning, unit, is_nullable=True)
            for name, meaning, unit in [
                ("price_usd", "Open of the bar it filled at.", "USD"),
                ("units", "Shares (fractional).", "shares"),
                ("value_usd", "Units times price.", "USD"),
                ("cost_usd", "Half of cost_rt on that value.", "USD"),
                ("pnl_usd", "Gain after costs; exits only.", "USD"),
                ("equity_before_usd", "Equity when it was sized; entries only.", "USD"),
                ("allocation_frac", "The symbol's share of equity; entries only.", "fraction"),
            ]
        ),
        Column("binding_cap", "VARCHAR", _R, "What limited an entry.", is_nullable=True),
        Column("exit_rule", "VARCHAR", _R, "label, or the rule that forced it.", is_nullable=True),
    ),
    ("account", "symbol", "decision_time_utc", "kind"),
    partition=None,
)


POSITION_STATES = ("ordered", "open", "exit_ordered", "closed", "settled")


SHADOW_POSITIONS = Table(
    "shadow_positions",
    "Each position at each step, from its order until its label is final; append-only.",
    "shadow_positions",
    (
        *_SHADOW_KEY,
        Column("arrival", "BIGINT", _I, "Number of the delivery in whose step it was recorded."),
        Column("arrival_utc", "TIMESTAMPTZ", _R, "Up to where bars were known.", "UTC"),
        Column(
            "state",
            "VARCHAR",
            _R,
            "ordered: fills at the next open; open; exit_ordered: leaves at the next open; closed; "
            "settled: closed and its label final.",
            allowed=POSITION_STATES,
        ),
        Column("notional_usd", "DOUBLE", _R, "Value at entry.", "USD"),
        *(
            Column(name, "DOUBLE", _R, meaning, unit, is_nullable=True)
            for name, meaning, unit in [
                ("units", "Shares; null until it is filled.", "shares"),
                ("entry_open", "Entry price; null until it is filled.", "USD"),
                ("mark_usd", "Last close; null when it is closed.", "USD"),
                ("unrealised_pnl_usd", "At the mark, cost of the entry paid.", "USD"),
                ("realised_pnl_usd", "After costs; null while it is held.", "USD"),
            ]
        ),
    ),
    ("account", "arrival", "symbol", "decision_time_utc"),
    partition=None,
)


RECALIBRATION_COMPARISON = Table(
    "recalibration_comparison",
    "Does recalibrating weekly help? The walk-forward; the same decided again with what is in "
    "force each week; and with what is refitted each week, regardless of the check.",
    "recalibration_comparison",
    (
        Column("arm", "VARCHAR", _I, "walk_forward, weekly or weekly_unchecked."),
        Column("position", "BIGINT", _I, "Order on the page."),
        Column(
            "method",
            "VARCHAR",
            _R,
            "What was refitted each week: the calibrator alone, or every model.",
            allowed=("calibrator", "retrain"),
        ),
        Column("first_month", "DATE", _R, "First calendar month compared."),
        Column("last_month", "DATE", _R, "Last one; every week of these months is made."),
        Column("n_weeks", "BIGINT", _R, "Weeks that hold a decision.", "weeks"),
        Column("n_weeks_recalibrated", "BIGINT", _R, "Weeks not on the fold's own.", "weeks"),
        Column("n_labels", "BIGINT", _R, "Final labels.", "rows"),
        *(
            Column(name, "DOUBLE", _R, meaning, unit, is_nullable=True)
            for name, meaning, unit in [
                ("brier", "Brier score of the calibrated probability.", ""),
                ("brier_base", "Brier score of each fold's training base rate.", ""),
                ("log_loss", "Log loss.", "nats"),
                ("ece", "Expected calibration error.", "fraction"),
                ("brier_gain", "Brier score of walk_forward less the arm's.", ""),
                ("brier_gain_lower", "Lower end of its interval.", ""),
                ("brier_gain_upper", "Upper end of its interval.", ""),
            ]
        ),
        Column("n_gated", "BIGINT", _R, "Events that passed the gate.", "events"),
        *metric_columns(
            "n_trades",
            "trades_per_month",
            "net_bps_mean",
            "hit_rate",
            "end_equity_usd",
            "cagr",
            "max_drawdown_frac",
            "calmar",
            "sharpe",
        ),
    ),
    ("arm",),
    partition=None,
)
