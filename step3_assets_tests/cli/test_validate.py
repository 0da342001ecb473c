"""A planted deprecation fails the validation; Dagster's own notice about its command does not."""

from step3_assets.cli.validate import deprecations

OWN = "core.py:911: SupersessionWarning: Function `definitions_validate_command` is superseded"


def test_only_warnings_about_the_definitions_count():
    planted = "assets.py:3: DeprecationWarning: Parameter `compute_kind` is deprecated"
    assert deprecations(OWN) == []
    assert deprecations(f"{OWN}\n{planted}\nall fine") == [planted]
