"""The steps of one test month, and the invariants of the tables they write."""
