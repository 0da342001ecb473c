"""Assets of the results: portfolio, statistics, audit, drift, acceptance, report."""
