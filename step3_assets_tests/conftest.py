"""Fixtures that every test may use.

Belongs here: where reference data lies, and the finished home that many tests start from. Does not
belong here: made-up deliveries (``deliveries``).
"""

import os
from pathlib import Path

import pytest
from filelock import FileLock

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


@pytest.fixture(scope="session")
def judged(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A delivery and the home that the main job made of it, two test months, to the report.

    Made once for every file and worker: a test that changes it takes a copy.
    """
    from step3_assets_tests.defs.installation import FIRST_TEST, LAST, START, Installation
    from step3_assets_tests.defs.installation import failure_text as text_of
    from step3_assets_tests.deliveries import write_small_delivery

    base = tmp_path_factory.getbasetemp()
    shared = base if worker_id == "master" else base.parent  # of all workers
    folder = shared / "judged"
    with FileLock(shared / "judged.lock"):
        if not folder.is_dir():
            draft = shared / "judged.draft"
            write_small_delivery(draft / "delivery", start=START, n_months=26, events_per_month=12)
            home = Installation(draft / "home", Path("../delivery"))
            months = (START, LAST), (FIRST_TEST, LAST), (None, None)
            for job, span in zip(("ingest", "walk_forward", "results"), months, strict=True):
                result = home.run(job, *span)
                assert result.success, text_of(result)
            draft.rename(folder)
    return folder
