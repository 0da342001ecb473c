"""The report: one page that begins with the verdict, as markdown and as one HTML file.

Belongs here: plots, tables and sentences made from stored tables. Does not belong
here: computing a result, reading the store, writing a file.
"""

from step3_assets.domain.report.inputs import Report, ReportInputs
from step3_assets.domain.report.report import build_report
from step3_assets.domain.report.section import FIGURE_FOLDER

__all__ = ["FIGURE_FOLDER", "Report", "ReportInputs", "build_report"]
