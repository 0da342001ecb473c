"""Plugins: risk rules and sizing methods, which are extended by adding a file.

Belongs here: risk rules (:mod:`step3_assets.plugins.risk_rules`) and sizing methods
(:mod:`step3_assets.plugins.sizing_methods`). Each file declares a name, the text for
reports, its settings with defaults and search bounds, and its arithmetic. Configuration, allowed
values of columns, the search space, the report and the docs derive from these records. Does not
belong here: anything that needs the configuration, the catalogue or the domain; all of them import
this package.
"""
