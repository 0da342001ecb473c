"""Problems of a delivery, and the error that lists them.

Belongs here: the record of a problem and the wording of messages. Does not belong here: finding
problems.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

SHOWN_ROWS = 5
SHOWN_PROBLEMS = 20


@dataclass(frozen=True)
class Problem:
    """One problem of a column or of a file.

    Parameters
    ----------
    file : str
        Path inside the delivery, with ``/``.
    column : str
        As the file names it; empty when the fault is the file's.
    rows : tuple of int
        The first few rows at fault, counted from 0 in the file; empty when the fault is the whole
        column's or the file's.
    message : str
        What was found and what was expected.
    n_rows : int
        Rows at fault in all.
    """

    file: str
    column: str
    rows: tuple[int, ...]
    message: str
    n_rows: int = 0

    def __str__(self) -> str:
        place = self.file
        if self.column:
            place += f", column {self.column}"
        if self.rows:
            more = f" and {self.n_rows - len(self.rows)} more" * (self.n_rows > len(self.rows))
            noun = "row" if self.n_rows == 1 else "rows"
            place += f", {noun} {', '.join(map(str, self.rows))}{more}"
        return f"{place}: {self.message}"


class DeliveryError(ValueError):
    """A delivery is refused; one message lists its problems.

    Attributes
    ----------
    folder : Path
    problems : tuple of Problem
        All that were found; the message shows the first twenty.
    """

    def __init__(self, folder: Path, problems: Sequence[Problem]) -> None:
        self.folder = folder
        self.problems = tuple(problems)
        count = len(self.problems)
        lines = [
            f"the Step 2 delivery in {folder} is refused, {count} "
            f"{'problem' if count == 1 else 'problems'} (rows count from 0):",
            *(f"  {problem}" for problem in self.problems[:SHOWN_PROBLEMS]),
        ]
        if count > SHOWN_PROBLEMS:
            lines.append(f"  and {count - SHOWN_PROBLEMS} more")
        super().__init__("\n".join(lines))

    def __reduce__(self) -> tuple:
        return type(self), (self.folder, self.problems)


def row_problem(file: str, column: str, at_fault: np.ndarray, message: str) -> Problem:
    """Problem of the rows where the mask is true.

    Parameters
    ----------
    at_fault : ndarray of bool, shape (rows of the file,)
    """
    rows = np.flatnonzero(at_fault)
    return Problem(file, column, tuple(int(r) for r in rows[:SHOWN_ROWS]), message, len(rows))
