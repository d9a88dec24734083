"""How many examples a solver trains on, and in what batches: what an epoch is."""

from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from catdog.data.sources import SOURCES, Context, open_source
from catdog.errors import CatdogError
from catdog.net.resolved import ResolvedNet
from catdog.proto.caffe_pb2 import TRAIN, LayerParameter
from catdog.training.options import Options, resolved_nets, solver_spec


class Epoch(NamedTuple):
    """Examples of one pass, and of one iteration."""

    examples: int
    batch: int


def epoch_of(solver: str | Path, options: Options) -> Epoch:
    """One pass over the data of a solver's train net.

    Raises CatdogError where the solver, its net or the data are not there, or have no end.
    """
    spec = solver_spec(solver, options)
    net = resolved_nets(spec, options)[0]
    layer = _data_layer(net)
    with net.located(), closing(open_source(layer, Context(TRAIN, locate=net.locate))) as source:
        if source.size is None:
            raise source.error("has no end, so there are no epochs")
        batch = source.shapes[source.tops[0]][0]
        return Epoch(source.size, batch * max(1, spec.message.iter_size))


def batch_field(solver: str | Path, options: Options) -> str:
    """LAYER.MESSAGE.batch_size of a solver's train net; raises CatdogError as `epoch_of`."""
    layer = _data_layer(resolved_nets(solver_spec(solver, options), options)[0])
    return f"{layer.name}.{SOURCES[layer.type].messages[0]}.batch_size"


def _data_layer(net: ResolvedNet) -> LayerParameter:
    if not net.data_layers:
        raise CatdogError("has no data layer in the TRAIN phase", where=str(net.spec.path))
    return net.data_layers[0]
