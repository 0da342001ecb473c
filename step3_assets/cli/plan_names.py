"""Console scripts ``step3_train_dataset`` and three others: each runs the verb of that name.

Belongs here: one function per script. Does not belong here: options or work of a verb.
"""

import sys

from step3_assets.cli.main import main


def _verb(name: str) -> None:
    sys.argv[1:1] = [name]
    main()


def train_dataset() -> None:
    """``step3 train-dataset``."""
    _verb("train-dataset")


def train_models() -> None:
    """``step3 train-models``."""
    _verb("train-models")


def walkforward_backtest() -> None:
    """``step3 walkforward-backtest``."""
    _verb("walkforward-backtest")


def optuna_search() -> None:
    """``step3 optuna-search``."""
    _verb("optuna-search")
