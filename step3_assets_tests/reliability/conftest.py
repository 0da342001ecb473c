"""An empty store for the tests of this folder."""

from step3_assets_tests.storage.conftest import empty_store, template

__all__ = ["empty_store", "template"]
