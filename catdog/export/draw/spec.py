"""From the file of a net to the file of its picture."""

from pathlib import Path

from catdog.errors import CatdogError
from catdog.export.draw.graph import graph_of
from catdog.export.draw.picture import DEEP, draw_to_file
from catdog.net.abstract import blueprint
from catdog.net.resolved import resolve
from catdog.proto.caffe_pb2 import TEST, TRAIN, NetParameter, Phase
from catdog.spec import Spec, net_state, read_net
from catdog.spec.data_layers import brings_data
from catdog.spec.shape import Shape


def draw_spec(
    path: str | Path,
    target: str | Path,
    *,
    rankdir: str = "",
    phase: Phase | None = None,
    whole: bool = False,
    show_rates: bool = False,
) -> None:
    """Draw the net of a file with the layers of a phase, or with all.

    Without a phase, and unless the `whole` net is wanted, a deep net shows its TRAIN phase, or the
    only one in which it has data, others all layers. The picture shows the shapes of blobs as far
    as they are known without the data.
    """
    spec = read_net(path)
    if phase is None and not whole and len(graph_of(spec.message).boxes) > DEEP:
        trained = resolve(spec, net_state(TRAIN)).message
        phase = TRAIN if any(map(brings_data, trained.layer)) else TEST
    if phase is None:
        net, shapes = spec.message, _of_both(_shapes(spec, TRAIN), _shapes(spec, TEST))
    else:
        net, shapes = resolve(spec, net_state(phase)).message, _shapes(spec, phase)
    draw_to_file(net, target, rankdir=rankdir, shapes=shapes, show_rates=show_rates)


def _of_both(train: dict[str, Shape], test: dict[str, Shape]) -> dict[str, Shape]:
    """The shapes of two phases; -1 for the batch where it differs."""
    found = {**test, **train}
    for name in train.keys() & test.keys():
        if train[name] != test[name]:
            found[name] = (-1, *train[name][1:])
    return found


def _shapes(spec: Spec[NetParameter], phase: Phase) -> dict[str, Shape]:
    try:
        return blueprint(resolve(spec, net_state(phase))).net.shapes
    except CatdogError:
        # a net that cannot be built yet can be looked at
        return {}
