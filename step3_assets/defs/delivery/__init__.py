"""Assets, sensor and plan of the delivery."""
