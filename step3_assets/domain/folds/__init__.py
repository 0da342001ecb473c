"""Folds: which event plays which role in a test month, and why a row may not train."""
