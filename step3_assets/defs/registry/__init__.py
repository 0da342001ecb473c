"""The model registry as an asset and in the store."""
