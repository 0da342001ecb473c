"""Monitoring: whether the newest months still look and behave as those that trained the models.

Belongs here: drift of features, probabilities, expected values and costs, each with what chance
would explain. Does not belong here: retraining, or switching anything off: a line informs a person.
"""
