"""The criterion ``provenance``: the results were made from one another, by this code."""

from step3_assets.config import Step3Config
from step3_assets.domain.acceptance.criterion import Criterion
from step3_assets.domain.portfolio.stored_metrics import Finding, Tables, table_of

SHOWN = 3


def _find(tables: Tables, _config: Step3Config) -> Finding:
    problems = list(table_of(tables, "provenance")["problem"])
    sentence = "Every table was made from the stored rows before it, with these settings and code."
    if problems:
        more = f"; and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
        sentence = f"{'; '.join(problems[:SHOWN])}{more}."
    return Finding(float(len(problems)), 0.0, sentence)


CRITERION = Criterion(
    name="provenance",
    label="Provenance",
    position=180,
    comparison="==",
    number="tally",
    asks="scores, backtests, portfolio, statistics and audit were made from the rows stored now, "
    "with the settings of `step3.toml`, by the code that evaluates them",
    find=_find,
    needs_store=True,
)
