"""The live loop: recalibration and retraining between one month's fold and the next.

Belongs here: weeks of the exchange, weekly recalibration. Does not belong here: folds, training,
the simulation, which the live loop uses unchanged.
"""
