"""A feature column is added by two files: its row in the catalogue and its line in the builder."""

import subprocess
import sys
from pathlib import Path

import step3_assets

PACKAGE = Path(step3_assets.__file__).parent

SCRIPT = """
import sys
from datetime import date
from importlib.machinery import SourceFileLoader
from importlib.util import spec_from_loader
from pathlib import Path

edits = {
    "step3_assets.catalogue.delivery": [
        ('("sigma_prank", "DOUBLE", "fraction", "Rank of sigma among 500 bars.", "null"),',
         '("close_place", "DOUBLE", "", "Close within the range of its bar.", "null"),'),
        ('("ewm_var", "DOUBLE", "", "EWMA of squared r_cc."),',
         '("close_place", "DOUBLE", "", "See events.", "null"),'),
    ],
    "step3_assets.domain.step2.features": [
        ('    signals["range_ratio"] = (high - low) / close',
         '    signals["close_place"] = (close - low) / _or_nan(high - low)'),
    ],
}


class Added(SourceFileLoader):
    def get_code(self, fullname):
        source = self.get_data(self.path).decode()
        for anchor, line in edits[fullname]:
            assert anchor in source
            source = source.replace(anchor, anchor + "\\n" + line)
        return compile(source, self.path, "exec")


class Finder:
    def find_spec(self, name, path=None, target=None):
        if name in edits:
            file = Path(path[0]) / (name.rsplit(".")[-1] + ".py")
            return spec_from_loader(name, Added(name, str(file)))


sys.meta_path.insert(0, Finder())
from step3_assets.docgen.data_dictionary import data_dictionary_markdown
from step3_assets.domain.delivery import read_delivery
from step3_assets.domain.models.features import feature_matrix
from step3_assets.domain.step2.build import build_delivery
from step3_assets.domain.step2.write import write_delivery
from step3_assets_tests.deliveries import write_small_delivery
from step3_assets_tests.domain.step2.small_bars import SHORT, random_bars

folder = Path(sys.argv[1])
bars = {"QQQ": random_bars(1), "SPY": random_bars(2)}
write_delivery(build_delivery(bars, SHORT), folder / "built")
events = read_delivery(folder / "built").events
assert events["close_place"].between(0, 1).all() and events["close_place"].nunique() > 10
assert "close_place" in feature_matrix(events).names
assert "`close_place`" in data_dictionary_markdown()
small = read_delivery(write_small_delivery(folder / "small", n_months=1))
assert small.events["close_place"].notna().all()
"""


def test_a_feature_column_touches_two_files(tmp_path: Path):
    """Built, delivered, accepted at the door, in the model's matrix and in the documentation."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path)],
        cwd=PACKAGE.parent,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
