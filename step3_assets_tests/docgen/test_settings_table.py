"""Each default stands beside its reason."""

from step3_assets.docgen.settings_table import settings_markdown


def test_defaults_and_reasons_come_from_the_configuration():
    lines = settings_markdown().splitlines()
    assert lines[0] == "| in `step3.toml` | default | why |"
    (window,) = [line for line in lines if "[config.folds] train_months`" in line]
    assert "| `36` | Window before the test month" in window
    assert any("`[config.models.calibration] isotonic_min_rows` | `1000` |" in x for x in lines)
    assert any("`[config.gate] q10_floor` | off |" in x for x in lines)
    assert all(line.count(" | ") == 2 for line in lines[2:])
