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
