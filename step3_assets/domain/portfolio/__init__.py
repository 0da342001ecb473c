"""The portfolio: one account through all months, its allocation, its metrics and its rivals."""
