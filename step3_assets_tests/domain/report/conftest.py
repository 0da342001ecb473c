"""Report inputs shared by the tests of a session: making them takes longer than reading them."""

import pytest

from step3_assets.domain.report import build_report
from step3_assets_tests.domain.report.frames import make_inputs


@pytest.fixture(scope="session")
def inputs():
    return make_inputs()


@pytest.fixture(scope="session")
def synthetic_inputs():
    return make_inputs(n_months=3, is_synthetic=True)


@pytest.fixture(scope="session")
def synthetic_report(synthetic_inputs):
    return build_report(synthetic_inputs)
