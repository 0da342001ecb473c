"""Assets of the nested search."""
