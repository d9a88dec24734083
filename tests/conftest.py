"""What all tests share: they run side by side, on machines that may be busy, in the background."""

import signal

import torch
from hypothesis import HealthCheck, settings

torch.set_num_threads(1)
# how long drawing and trying an example take says nothing about the code
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")
# a shell has it ignored in the background, and what tests start would inherit that
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_terminal_summary(terminalreporter):
    """Say where the pages were not looked at in a browser."""
    skipped = terminalreporter.stats.get("skipped", [])
    if any("no Chromium" in str(report.longrepr) for report in skipped):
        line = "the studio's pages were not looked at: no Chromium; `make browser` installs it"
        terminalreporter.write_line(line)
