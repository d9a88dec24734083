"""Nets in processes that are forked after others have run."""

import os

import cv2
import torch


def compute_alone_when_forked() -> None:
    """Have forked processes compute in one thread.

    Only the thread that forks lives on in the new process; the others, which OpenMP and OpenCV
    keep once they have worked, would be waited for without end.
    """
    os.register_at_fork(after_in_child=_compute_alone)


def _compute_alone() -> None:
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
