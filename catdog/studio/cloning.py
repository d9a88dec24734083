"""The texts of a run, to train it again with other fields."""

from collections.abc import Iterator, Sequence

from catdog.proto.caffe_pb2 import (
    TEST,
    TRAIN,
    LayerParameter,
    NetParameter,
    NetStateRule,
    SolverParameter,
)
from catdog.spec.write import to_yaml
from catdog.studio.texts import SpecTexts
from catdog.tracking.runs import RunRecord

#: Fields of a solver that say where its nets are and what they are in; the page has one net.
_OF_NETS = ("net", "net_param", "train_net", "train_net_param", "test_net", "test_net_param")
_STATES = ("train_state", "test_state")


def texts_of_run(run: RunRecord) -> SpecTexts:
    """The net and the solver of a run as YAML, with all that its command line changed.

    The net that was trained and the first that was tested become one again, by rules for the
    phases.
    """
    solver = SolverParameter()
    solver.CopyFrom(run.solver)
    for name in (*_OF_NETS, *_STATES):
        solver.ClearField(name)
    return SpecTexts(to_yaml(one_net(run.train_net, run.test_nets[:1])), to_yaml(solver))


def one_net(train: NetParameter, tests: Sequence[NetParameter]) -> NetParameter:
    """A net that is `train` in the TRAIN phase, and in TEST the net of `tests`, if there is one."""
    if not tests:
        return train
    (test,) = tests
    net = NetParameter(name=train.name)
    net.layer.extend(_layers(list(train.layer), list(test.layer)))
    return net


def _layers(train: list[LayerParameter], test: list[LayerParameter]) -> Iterator[LayerParameter]:
    """The layers of both in an order that each of them has; those that differ with their phase."""
    shared = [layer for layer in map(_plain, train) if layer in map(_plain, test)]
    for layer in [*shared, None]:
        for layers, phase in ((train, TRAIN), (test, TEST)):
            while layers and _plain(layers[0]) != layer:
                own = _plain(layers.pop(0))
                own.include.append(NetStateRule(phase=phase))
                yield own
            if layers:
                layers.pop(0)
        if layer is not None:
            yield layer


def _plain(layer: LayerParameter) -> LayerParameter:
    """A layer without its rules, which have been followed."""
    copy = LayerParameter()
    copy.CopyFrom(layer)
    for name in ("include", "exclude", "phase"):
        copy.ClearField(name)
    return copy
