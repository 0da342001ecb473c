"""Plugins: risk rules and sizing methods; to add one, add a file.

Belongs here: risk rules (:mod:`step3_assets.plugins.risk_rules`) and sizing methods
(:mod:`step3_assets.plugins.sizing_methods`). Each file declares a name, the text for
reports, its settings with defaults and search bounds, and its arithmetic. Configuration, allowed
values of columns, the search space, the report and the docs derive from these records. Does not
belong here: anything that imports the configuration, the catalogue or the domain, because all of
them import this package.
"""
