"""Correct results, in which faults are planted."""

import pytest

from step3_assets.domain.audit.inputs import AuditInputs
from step3_assets_tests.domain.audit.audited import honest_inputs


@pytest.fixture(scope="session")
def honest(tmp_path_factory: pytest.TempPathFactory) -> AuditInputs:
    return honest_inputs(tmp_path_factory.getbasetemp() / "audited")
