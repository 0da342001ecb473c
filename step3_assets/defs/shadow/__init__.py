"""Assets and checks of the shadow account."""
