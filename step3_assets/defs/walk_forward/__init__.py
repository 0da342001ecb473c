"""Assets of the test months."""
