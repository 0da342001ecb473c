"""Acceptance: every criterion of the verdict, and the verdict in one line."""
