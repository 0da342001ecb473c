"""Monitoring: whether the newest months still look and behave like those that trained the models.

Belongs here: drift of features, probabilities, expected values and costs, each with the bound that
chance explains. Does not belong here: retraining or switching anything off; monitoring only informs
a person.
"""
