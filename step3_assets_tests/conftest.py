"""Fixtures that every test may use.

Belongs here: where reference data lies. Does not belong here: made-up deliveries (``deliveries``).
"""

import os
from pathlib import Path

import pytest

LONG_FOLDERS = ("defs", "reliability")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The tests that mostly wait go first, so that the others run beside them; then long files.

    A file stays with one worker, which makes its installations once; so no long file may be last.
    """
    items.sort(
        key=lambda item: (
            item.get_closest_marker("browser") is None,
            item.path.parent.name not in LONG_FOLDERS,
        )
    )


@pytest.fixture(scope="session")
def reference_dir() -> Path:
    """Folder of a real delivery (``step2_out/``, ``bars/``), or skip: none comes with the code.

    ``STEP3_REFERENCE_DIR``, or the folder ``shared`` beside the checkout.
    """
    beside = Path(__file__).resolve().parents[2] / "shared"
    folder = Path(os.environ.get("STEP3_REFERENCE_DIR", beside))
    if not (folder / "step2_out").is_dir():
        pytest.skip("no reference delivery here; set STEP3_REFERENCE_DIR")
    return folder
