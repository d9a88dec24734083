"""Memory that is used again, and only when nobody holds it."""

import gc

import numpy as np
import torch

from catdog.runtime.buffers import Buffers


def address(array):
    return array.__array_interface__["data"][0]


def test_what_is_let_go_is_used_again_also_for_less():
    buffers = Buffers()
    first = buffers.empty((4, 5), np.float32)
    at = address(first)
    del first
    smaller = buffers.empty((3, 5), np.uint8)
    assert (smaller.shape, smaller.dtype, address(smaller)) == ((3, 5), np.uint8, at)
    del smaller
    assert buffers.empty((5, 5), np.float32).size == 25


def test_what_is_held_stays():
    buffers = Buffers()
    tensor = torch.from_numpy(buffers.empty((1000,), np.float32))
    view = tensor.fill_(7)[10:20].numpy()
    del tensor
    gc.collect()
    others = [buffers.empty((1000,), np.float32) for _ in range(3)]
    for other in others:
        other[:] = 1
    assert (view == 7).all()
    assert len({address(other) for other in others}) == 3
