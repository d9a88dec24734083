"""What a snapshot carries so that prediction prepares photos as the training did.

The dataset's record (sizes, equalisation, classes), the mean, and the deploy net ride in the
NetParameter of the weight file, in fields that Caffe skips.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from catdog.data.datum import array_to_legacy_blob
from catdog.data.mean import read_mean
from catdog.data.preprocessing import dataset_of, source_of
from catdog.errors import SpecError
from catdog.net.batch_statistics import for_single_photos
from catdog.net.deploy import deploy_net
from catdog.net.resolved import ResolvedNet, on_train_data
from catdog.proto.caffe_pb2 import LayerParameter, NetParameter
from catdog.runtime.files import keep, replacing
from catdog.spec import to_prototxt
from catdog.spec.shape import Shape


@dataclass(frozen=True)
class NetAsRun:
    """A net that ran, and the shapes of one batch of its data by name."""

    net: ResolvedNet
    shapes: Mapping[str, Shape]


def snapshot_message(trained: NetAsRun, tests: Sequence[NetAsRun] = ()) -> NetParameter:
    """The message of a run's snapshots: every layer of the train net, and what prediction needs.

    That is of the first test net with photos, as it ran. A run without one carries the TEST phase
    of its train net, on the data that it was trained on.
    """
    found = NetParameter()
    untested = (NetAsRun(net, trained.shapes) for net in on_train_data(trained.net))
    for fed in chain(tests, untested):
        carried = preparation(fed.net, fed.shapes)
        if carried.HasField("deploy") or not found.ByteSize():
            found = carried
        if found.HasField("deploy"):
            break
    message = NetParameter()
    message.CopyFrom(trained.net.message)
    message.MergeFrom(found)
    if found.HasField("deploy"):
        message.deploy.CopyFrom(for_single_photos(found.deploy))
    return message


def preparation(net: ResolvedNet, shapes: Mapping[str, Sequence[int]]) -> NetParameter:
    """A NetParameter with nothing but `dataset`, `mean` and `deploy`, each where it is known.

    `shapes` are those of one batch of the data layers' tops, by name. A net without a place for
    photos carries what it has.
    """
    carried = NetParameter()
    data = _photo_layer(net)
    if data is None:
        return carried
    if dataset := dataset_of(data, net.locate):
        carried.dataset.CopyFrom(dataset)
    mean_file = data.transform_param.mean_file
    if mean_file:
        carried.mean.CopyFrom(array_to_legacy_blob(read_mean(net.locate(mean_file))))
    singles = {name: (1, *shape[1:]) for name, shape in shapes.items()}
    # a net of losses alone has none, nor one whose data of the two phases differ in name
    with suppress(SpecError, KeyError):
        carried.deploy.CopyFrom(deploy_net(net.message, singles))
    return carried


def write_deploy(carried: NetParameter, prefix: str, *, resumed: bool = False) -> None:
    """Write the deploy net as `<prefix>_deploy.prototxt`, for people and for Caffe.

    That of an earlier run is kept under the next free name, unless that run is `resumed`.
    """
    path = Path(f"{prefix}_deploy.prototxt")
    if not resumed:
        keep(path)
    if carried.HasField("deploy"):
        with replacing(path) as beside:
            beside.write_text(to_prototxt(carried.deploy), encoding="utf-8")


def _photo_layer(net: ResolvedNet) -> LayerParameter | None:
    """The first data layer that has pictures."""
    photos = (each for each in net.data_layers if source_of(each) or each.type == "MemoryData")
    return next(photos, None)
