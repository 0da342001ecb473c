"""How often the long tests repeat themselves: a little in the suite, the full number on request.

Belongs here: the one knob. ``STEP3_RELIABILITY_ROUNDS=20`` is what ``docs/reliability.md`` reports.
"""

import os


def rounds(few: int) -> int:
    """Repetitions: ``few``, or what ``STEP3_RELIABILITY_ROUNDS`` says."""
    return int(os.environ.get("STEP3_RELIABILITY_ROUNDS", few))
