"""Table of the report.

Belongs here: descriptions only. Does not belong here: code that reads, writes or computes.
"""

from step3_assets.catalogue.column import Column, KnownAt, Table

_R = KnownAt.RESULT


STEP3_REPORT = Table(
    "step3_report",
    "The report as written, with its verdict.",
    "step3_report",
    (
        Column("verdict", "VARCHAR", _R, "PROMOTE or PROMOTE NOTHING, with the reason."),
        Column("dataset_version", "VARCHAR", _R, "Delivery that it reports on."),
        Column("markdown", "VARCHAR", _R, "The page."),
        Column("markdown_sha256", "VARCHAR", _R, "Hash of the page."),
    ),
    ("dataset_version",),
    partition=None,
)
