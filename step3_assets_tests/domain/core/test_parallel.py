"""Side by side in processes of this machine; the cluster has its own tests."""

import signal

from step3_assets.domain.core.parallel import run_in_order


def held_signals(number: int) -> tuple[int, bool]:
    return number, signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, set())


def test_workers_leave_ctrl_c_to_the_process_that_started_them():
    """A terminal interrupts every process; a worker would print a traceback."""
    found = list(run_in_order(held_signals, [(k, k) for k in range(3)], 2))
    assert found == [(k, (k, True)) for k in range(3)]
    assert held_signals(0) == (0, False)
