"""What a snapshot carries so that prediction prepares photos as the training did.

The dataset's record (sizes, equalisation, classes), the mean, and the deploy net ride in the
NetParameter of the weight file, in fields that Caffe skips.
"""

from collections.abc import Mapping, Sequence

from catdog.data.datum import array_to_legacy_blob
from catdog.data.mean import read_mean
from catdog.data.preprocessing import Locate, dataset_of, source_of
from catdog.errors import SpecError
from catdog.net.deploy import deploy_net
from catdog.proto.caffe_pb2 import TEST, LayerParameter, NetParameter, NetState
from catdog.runtime.files import replacing
from catdog.spec import filter_net, to_prototxt


def preparation(
    net: NetParameter,
    shapes: Mapping[str, Sequence[int]],
    locate: Locate,
    state: NetState | None = None,
) -> NetParameter:
    """A NetParameter with nothing but `dataset`, `mean` and `deploy`, each where it is known.

    `shapes` are those of one batch of the data layers' tops, by name. A net without a place for
    photos (several inputs, no TEST phase) carries what it has.
    """
    carried = NetParameter()
    state = state or NetState(phase=TEST)
    data = _data_layer(net, state)
    if data is None:
        return carried
    if dataset := dataset_of(data, locate):
        carried.dataset.CopyFrom(dataset)
    mean_file = data.transform_param.mean_file
    if mean_file:
        carried.mean.CopyFrom(array_to_legacy_blob(read_mean(locate(mean_file))))
    singles = {name: (1, *shape[1:]) for name, shape in shapes.items()}
    try:
        carried.deploy.CopyFrom(deploy_net(net, singles, state))
    except (SpecError, KeyError):
        # a net of losses alone, or one whose data of the two phases differ in name
        carried.ClearField("deploy")
    return carried


def write_deploy(carried: NetParameter, prefix: str) -> None:
    """Write the deploy net as `<prefix>_deploy.prototxt`, for people and for Caffe."""
    if carried.HasField("deploy"):
        with replacing(f"{prefix}_deploy.prototxt") as beside:
            beside.write_text(to_prototxt(carried.deploy), encoding="utf-8")


def _data_layer(net: NetParameter, state: NetState) -> LayerParameter | None:
    """The first data layer of the phase that has pictures."""
    kept = filter_net(net, state).layer
    return next((layer for layer in kept if source_of(layer) or layer.type == "MemoryData"), None)
