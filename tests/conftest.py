"""What all tests share: one thread for torch, since tests run side by side, and Ctrl-C."""

import signal

import torch

torch.set_num_threads(1)
# a shell has it ignored in the background, and what tests start would inherit that
signal.signal(signal.SIGINT, signal.default_int_handler)
