"""Monitoring: whether the newest months still look like the months that trained the models.

Belongs here: drift of features, probabilities, expected values and costs, each with the bound that
chance alone can reach. Does not belong here: retraining or switching anything off; monitoring only
informs a person.
"""
