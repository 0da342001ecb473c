"""Folds: the role of each event in a test month, and the reason why a row may not train."""
