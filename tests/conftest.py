"""What all tests share: one thread for torch, since tests run side by side."""

import torch

torch.set_num_threads(1)
