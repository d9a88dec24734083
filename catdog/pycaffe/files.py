"""Weights of a net from and to files, whatever device the net runs on."""

from catdog.pycaffe import glog
from catdog.pycaffe.build import Built
from catdog.runtime.files import replacing
from catdog.weights import caffemodel, copy_weights, hdf5, read_weights, weights_of


def load(built: Built, path: str) -> None:
    """Copy parameters from a file by layer name; where no name is the same, only say so."""
    weights = read_weights(path)
    _on_host(built)
    if weights.blobs.keys().isdisjoint(built.core.layer_blobs()):
        glog.warning(f"{path} has none of the net's layers: nothing is copied")
        return
    copy_weights(built.core, weights)


def save(built: Built, path: str, *, as_hdf5: bool = False, diff: bool = False) -> None:
    """Write parameters, with `diff` their diffs too, as a .caffemodel or as HDF5."""
    _on_host(built)
    weights = weights_of(built.core, built.message)
    diffs = {unit.name: [blob.diff for blob in unit.blobs] for unit in built.units if unit.blobs}
    write = hdf5.write if as_hdf5 else caffemodel.write
    with replacing(path) as beside:
        write(beside, weights, diffs if diff else None)


def _on_host(built: Built) -> None:
    """Have the parameters of the torch module lie where the blobs have theirs on the host."""
    for item, blob in zip(built.core.learnable, built.learnable, strict=True):
        item.parameter.data = blob.data_memory.array().view(item.parameter.shape)
