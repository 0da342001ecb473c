"""An installation with two judged test months, made once for every file and worker.

Belongs here: what the tests of a finished home start from. Each copies it before it changes it.
"""

from pathlib import Path

import pytest
from filelock import FileLock

from step3_assets_tests.defs.installation import FIRST_TEST, LAST, START, Installation, failure_text
from step3_assets_tests.deliveries import write_small_delivery


@pytest.fixture(scope="session")
def judged(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder with a delivery and the home that the main job made of it, to the report."""
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
                assert result.success, failure_text(result)
            draft.rename(folder)
    return folder
