"""The sections of the report, one module each.

Belongs here: modules that define ``SECTION``, of type
:class:`~step3_assets.domain.report.section.Section`. Every module in this folder becomes a section
of the page. Does not belong here: computing metrics, tables that several sections share.
"""
