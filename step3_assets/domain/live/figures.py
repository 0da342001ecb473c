"""The plot of a recalibration: calibrated against raw probability, one line per calibrator.

Belongs here: drawing. Does not belong here: fitting, the report's figures.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from step3_assets.domain.live.base_model import BaseModel
from step3_assets.domain.models.calibration import calibrate
from step3_assets.domain.models.text_format import load_numbers
from step3_assets.domain.report.canvas import BLUE, FAINT, GREEN, VERMILLION, canvas

RAW_LO, RAW_HI = 0.2, 0.8  # the range in which raw probabilities of a weak signal lie


def calibrator_figure(row: Mapping[str, Any], base: BaseModel, *, is_synthetic: bool) -> bytes:
    """The fold's own calibrator, the new one and the one in force, as a small PNG.

    Parameters
    ----------
    row : mapping
        A row of table ``recalibrations``.
    base : BaseModel
    is_synthetic : bool
    """
    raw = np.linspace(RAW_LO, RAW_HI, 121)
    lines = [("the fold's own", base.calibrator, FAINT, "--")]
    for name, column, colour, style in (
        ("new", "calibrator", VERMILLION, "-"),
        ("in force", "in_force", BLUE, ":"),
    ):
        if isinstance(row[column], str):
            lines.append((name, load_numbers(row[column]), colour, style))
    title = f"Calibrators, week {row['week']}: {row['reason'].replace('_', ' ')}"
    with canvas(title, is_synthetic=is_synthetic, small=True) as sheet:
        ax = sheet.axes[0]
        ax.plot(raw, raw, color=GREEN, lw=0.6, label="raw, unchanged")
        for name, numbers, colour, style in lines:
            ax.plot(raw, calibrate(numbers or {}, raw), style, color=colour, lw=1.6, label=name)
        ax.set_xlabel("raw probability")
        ax.set_ylabel("calibrated")
        ax.legend(loc="upper left")
    return sheet.png
