"""Assets and schedule of the weekly recalibration."""
