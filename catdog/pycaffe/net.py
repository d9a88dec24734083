"""pycaffe's Net: a net that runs layer by layer on blobs which a program reads and writes."""

import os
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from catdog.data.sources import MemoryData
from catdog.errors import CatdogError, did_you_mean
from catdog.layers.blob import Blob, BlobVec
from catdog.net.batch_statistics import batch_remarks
from catdog.net.resolved import ResolvedNet, resolve
from catdog.proto.caffe_pb2 import TRAIN, Datum, NetParameter, NetState, Phase
from catdog.pycaffe import files, glog
from catdog.pycaffe.batches import batches, joined, length
from catdog.pycaffe.build import Built, build
from catdog.pycaffe.layer import BuiltLayer
from catdog.pycaffe.mode import mode
from catdog.pycaffe.unit import DataUnit, PythonUnit, Unit
from catdog.runtime.free_threads import FreeThreads
from catdog.spec import read_net

Array = NDArray[np.float32]
Path = str | os.PathLike[str]
Hook = Callable[[int], object]


class Net:
    """A net from a file, in a phase.

    `Net(file, phase)`, `Net(file, phase, level=0, stages=None, weights=None)` and the older
    `Net(file, weights, phase)`. `blobs` and `params` hold arrays that are live: the net reads
    what is written to them.

    Raises CatdogError for files that are not there or cannot work.
    """

    def __init__(
        self,
        network_file: Path,
        *arguments: Any,
        phase: Phase | None = None,
        level: int = 0,
        stages: Sequence[str] | None = None,
        weights: Path | None = None,
    ) -> None:
        given = list(arguments)
        if given and isinstance(given[0], (str, os.PathLike)):
            glog.warning("Net(file, weights, phase) is old: say Net(file, phase, weights=weights)")
            weights = given.pop(0)
        named = dict(zip(("phase", "level", "stages", "weights"), given, strict=False))
        phase = named.get("phase", phase)
        if phase is None:
            raise TypeError("Net needs a phase: caffe.TRAIN or caffe.TEST")
        stages = named.get("stages", stages)
        weights = named.get("weights", weights)
        spec = read_net(os.fspath(network_file))
        state = _state(spec.message, phase, named.get("level", level), stages or ())
        resolved = resolve(spec, state)
        for line in batch_remarks(resolved.message):
            glog.warning(line)
        self.init(resolved)
        if weights is not None:
            self.copy_from(weights)

    @classmethod
    def of(cls, resolved: ResolvedNet) -> "Net":
        """A net that is read already, as solvers build theirs."""
        net = cls.__new__(cls)
        net.init(resolved)
        return net

    def init(self, resolved: ResolvedNet) -> None:
        """Build everything (Net::Init in caffe/net.cpp)."""
        self.built: Built = build(resolved)
        self._units: list[Unit] = self.built.units
        self._hooks: dict[str, list[Hook]] = {"forward": [], "backward": []}
        self._hooks_after: dict[str, list[Hook]] = {"forward": [], "backward": []}
        self._threads: defaultdict[tuple[int, int], FreeThreads] = defaultdict(FreeThreads)
        self.layers = [_layer(unit) for unit in self._units]
        self.blobs: OrderedDict[str, Blob] = OrderedDict(
            zip(self.built.names, self.built.blobs, strict=True)
        )
        self.params: OrderedDict[str, BlobVec] = OrderedDict(
            (unit.name, unit.blobs) for unit in self._units if unit.blobs
        )
        self.layer_dict = OrderedDict(zip(self._layer_names, self.layers, strict=True))
        self.inputs, self.outputs = list(self.built.inputs), list(self.built.outputs)
        self.top_names = OrderedDict((u.name, list(u.slot.param.top)) for u in self._units)
        self.bottom_names = OrderedDict((u.name, list(u.slot.param.bottom)) for u in self._units)

    @property
    def blob_loss_weights(self) -> "OrderedDict[str, float]":
        """The weight in the loss of every blob."""
        return OrderedDict(zip(self._blob_names, self._blob_loss_weights, strict=True))

    def forward(
        self,
        blobs: Sequence[str] | None = None,
        start: str | None = None,
        end: str | None = None,
        **kwargs: ArrayLike,
    ) -> dict[str, Array]:
        """Run the layers from `start` to `end`; gives the data of the outputs and of `blobs`.

        `kwargs` are arrays for all inputs. Without an `end` the outputs are the net's, with one
        they are the tops of that layer.
        """
        first = self._index(start) if start is not None else 0
        last = self._index(end) if end is not None else len(self._units) - 1
        names = self.outputs if end is None else self.top_names[end]
        self._fill(kwargs, self.inputs, "data")
        self._with_free_threads(first, last)
        return {name: self.blobs[name].data for name in {*names, *(blobs or ())}}

    def backward(
        self,
        diffs: Sequence[str] | None = None,
        start: str | None = None,
        end: str | None = None,
        **kwargs: ArrayLike,
    ) -> dict[str, Array]:
        """Run backward from `start` down to `end`; gives the diffs of the inputs and of `diffs`.

        `kwargs` are diffs for all outputs. With an `end` the bottoms of that layer take the
        place of the inputs.
        """
        first = self._index(start) if start is not None else len(self._units) - 1
        last = self._index(end) if end is not None else 0
        names = self.inputs if end is None else self.bottom_names[end]
        self._fill(kwargs, self.outputs, "diff")
        self._backward(first, last)
        return {name: self.blobs[name].diff for name in {*names, *(diffs or ())}}

    def forward_all(
        self, blobs: Sequence[str] | None = None, **kwargs: ArrayLike
    ) -> dict[str, Array]:
        """Run forward on any number of examples, in batches of the net's size."""
        found: dict[str, list[Array]] = {}
        for batch in self._batch(kwargs):
            for name, data in self.forward(blobs=blobs, **batch).items():
                found.setdefault(name, []).append(data.copy())
        return joined(found, length(kwargs))

    def forward_backward_all(
        self,
        blobs: Sequence[str] | None = None,
        diffs: Sequence[str] | None = None,
        **kwargs: ArrayLike,
    ) -> tuple[dict[str, Array], dict[str, Array]]:
        """Run forward and backward on any number of examples; `kwargs` has data and diffs."""
        found: dict[str, list[Array]] = {}
        found_diffs: dict[str, list[Array]] = {}
        none: dict[str, Any] = {}
        ways = [
            self._batch({name: kwargs[name] for name in names if name in kwargs})
            for names in (self.inputs, self.outputs)
        ]
        for data, diff in zip_longest(*ways, fillvalue=none):
            for name, array in self.forward(blobs=blobs, **data).items():
                found.setdefault(name, []).append(array.copy())
            for name, array in self.backward(diffs=diffs, **diff).items():
                found_diffs.setdefault(name, []).append(array.copy())
        count = length(kwargs)
        return joined(found, count), joined(found_diffs, count)

    def _batch(self, arrays: Mapping[str, ArrayLike]) -> Iterator[dict[str, Any]]:
        return batches(arrays, next(iter(self.blobs.values())).num)

    def _fill(self, arrays: Mapping[str, ArrayLike], names: Sequence[str], side: str) -> None:
        if arrays and set(arrays) != set(names):
            raise CatdogError(
                f"got arrays for {', '.join(sorted(arrays))}, the net has {', '.join(names)}",
                remedy="give one for each",
            )
        for name, given in arrays.items():
            array, target = np.asarray(given, np.float32), getattr(self.blobs[name], side)
            if array.shape[:1] != target.shape[:1]:
                raise CatdogError(
                    f"the {side} for {name} has shape {array.shape}, the blob {target.shape}",
                    remedy="give a whole batch, or use forward_all",
                )
            target[...] = array

    def _index(self, name: str) -> int:
        try:
            return self._layer_names.index(name)
        except ValueError:
            remedy = did_you_mean(name, self._layer_names)
            raise CatdogError(f'there is no layer "{name}"', remedy=remedy) from None

    def _with_free_threads(self, first: int, last: int) -> None:
        """Run layers by number, on the CPU with the threads that are fastest now.

        Not in a training: sums of its gradients depend on the number of threads.
        """
        if self.built.core.phase == TRAIN or mode.device.type != "cpu":
            self._forward(first, last)
        else:
            self._threads[first, last](lambda: self._forward(first, last))

    def forward_prefilled(self) -> float:
        """Run all layers on what the blobs hold; gives the loss (caffe/net.hpp)."""
        return self._forward(0, len(self.layers) - 1)

    def _forward(self, start: int, end: int) -> float:
        """Run layers by number; gives the loss."""
        loss = 0.0
        for index in range(start, end + 1):
            self._run("forward", index)
            loss += self._units[index].loss()
        return loss

    def _backward(self, start: int, end: int) -> None:
        """Run layers backward by number."""
        for index in range(start, end - 1, -1):
            self._run("backward", index)

    def _run(self, way: str, index: int) -> None:
        for hook in self._hooks[way]:
            hook(index)
        getattr(self._units[index], way)()
        for hook in self._hooks_after[way]:
            hook(index)

    def before_forward(self, hook: Hook) -> None:
        """Have a function called with the number of each layer before it runs forward."""
        self._hooks["forward"].append(hook)

    def after_forward(self, hook: Hook) -> None:
        """Have a function called with the number of each layer after it has run forward."""
        self._hooks_after["forward"].append(hook)

    def before_backward(self, hook: Hook) -> None:
        """Have a function called with the number of each layer before it runs backward."""
        self._hooks["backward"].append(hook)

    def after_backward(self, hook: Hook) -> None:
        """Have a function called with the number of each layer after it has run backward."""
        self._hooks_after["backward"].append(hook)

    def reshape(self) -> None:
        """Give all blobs the shapes that follow from those of the inputs."""
        for unit in self._units:
            unit.reshape()

    def clear_param_diffs(self) -> None:
        """Make the diffs of all parameters zero."""
        for unit in self._units:
            for blob in unit.blobs:
                blob.clear_diff()

    def copy_from(self, weights: Path) -> None:
        """Take parameters from a file of weights, by the names of the layers.

        Raises WeightsError for one of another shape.
        """
        files.load(self.built, os.fspath(weights))

    load_hdf5 = copy_from

    def save(self, path: Path) -> None:
        """Write the net with its parameters as a .caffemodel, whatever the name."""
        files.save(self.built, os.fspath(path))

    def save_hdf5(self, path: Path) -> None:
        """Write the parameters as HDF5, whatever the name."""
        files.save(self.built, os.fspath(path), as_hdf5=True)

    def share_with(self, other: "Net") -> None:
        """Use the parameters of another net's layers of the same names; diffs stay apart."""
        for name, mine in self.params.items():
            theirs = other.params.get(name, BlobVec())
            if theirs and [blob.shape for blob in mine] != [blob.shape for blob in theirs]:
                raise CatdogError(
                    f'layer "{name}" has other parameters in the net to share with',
                    remedy="give the layers the same parameters or different names",
                )
            for blob, source in zip(mine, theirs, strict=False):
                blob.share_data(source)

    def set_input_arrays(self, data: Array, labels: Array) -> None:
        """Have a net that begins with a MemoryData layer read these arrays, as they are."""
        source = self._memory_data()
        if source.remark(source.layer):
            glog.warning("MemoryData does not transform arrays: transform_param is for Datums")
        source.reset(data, labels)

    _set_input_arrays = set_input_arrays

    def add_datum_vector(self, datums: Sequence[Datum]) -> None:
        """Have a net that begins with a MemoryData layer read Datums, as transform_param says.

        This is AddDatumVector of Caffe's C++, which its Python did not have.
        """
        self._memory_data().add(datums)

    def _memory_data(self) -> MemoryData:
        first = self._units[0]
        if not isinstance(first, DataUnit) or not isinstance(first.source, MemoryData):
            raise CatdogError(
                f'the first layer, "{first.name}", is no MemoryData layer',
                remedy="write to net.blobs instead",
            )
        return first.source

    @property
    def _layer_names(self) -> list[str]:
        return [unit.name for unit in self._units]

    @property
    def _blob_names(self) -> list[str]:
        return list(self.built.names)

    @property
    def _blobs(self) -> list[Blob]:
        return list(self.built.blobs)

    @property
    def _blob_loss_weights(self) -> list[float]:
        weights = {
            id(top): float(weight)
            for unit in self._units
            for top, weight in zip(unit.tops, unit.slot.loss_weights, strict=False)
        }
        return [weights.get(id(blob), 0.0) for blob in self.built.blobs]

    @property
    def _inputs(self) -> list[int]:
        return [self.built.names.index(name) for name in self.inputs]

    @property
    def _outputs(self) -> list[int]:
        return [self.built.names.index(name) for name in self.outputs]

    def _top_ids(self, layer: int) -> list[int]:
        return self._ids(self._units[layer].tops)

    def _bottom_ids(self, layer: int) -> list[int]:
        return self._ids(self._units[layer].bottoms)

    def _ids(self, blobs: Sequence[Blob]) -> list[int]:
        numbers = {id(blob): number for number, blob in enumerate(self.built.blobs)}
        return [numbers[id(blob)] for blob in blobs]


def _state(net: NetParameter, phase: Phase, level: int, stages: Sequence[str]) -> NetState:
    """The net's own stages and these; phase and level are the caller's."""
    state = NetState()
    state.CopyFrom(net.state)
    state.phase = phase
    state.level = level
    state.stage.extend(stages)
    return state


def _layer(unit: Unit) -> Any:
    return unit.instance if isinstance(unit, PythonUnit) else BuiltLayer(unit)
