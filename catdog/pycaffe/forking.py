"""Nets in processes that are forked after others have run."""

import os

import cv2
import torch


def compute_alone_when_forked() -> None:
    """Have forked processes compute in one thread.

    Only the thread that forks lives on in the new process; the others, which OpenMP and OpenCV
    keep once they have worked, would be waited for without end.
    """
    threads: list[int] = []

    def before() -> None:
        # in the new process OpenCV could not even be told to let go of its threads
        threads.append(cv2.getNumThreads())
        cv2.setNumThreads(0)

    def after_in_parent() -> None:
        cv2.setNumThreads(threads.pop())

    def after_in_child() -> None:
        torch.set_num_threads(1)

    os.register_at_fork(
        before=before, after_in_parent=after_in_parent, after_in_child=after_in_child
    )
