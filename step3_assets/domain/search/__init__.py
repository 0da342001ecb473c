"""The nested search: settings of an epoch, chosen on folds that end before it.

Belongs here: epochs, space, objective, studies, the rows of ``tuned_params`` and ``trials``. Does
not belong here: training, scoring and simulation, which are the platform's own, and storage of the
tables.
"""
