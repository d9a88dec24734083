"""The nets that come with Caffe have the layers, blobs and parameters that it finds in them."""

import json
from pathlib import Path

import pytest

from catdog.net.net import Net
from catdog.proto.caffe_pb2 import Phase
from catdog.spec import filter_net, net_state
from catdog.spec.splits import insert_splits
from tests.nets.known import NETS

TABLE = Path(__file__).parents[1] / "goldens" / "nets" / "shapes.json"
ENTRIES = json.loads(TABLE.read_text())


def name(entry):
    return "-".join(
        [Path(entry["file"]).with_suffix("").as_posix(), entry["phase"], *entry["stages"]]
    )


@pytest.mark.parametrize("entry", ENTRIES, ids=name)
def test_layers_blobs_and_parameters(entry):
    state = net_state(Phase.Value(entry["phase"]), stages=entry["stages"])
    message = insert_splits(filter_net(NETS[entry["file"]], state))
    net = Net(message, fill=False)
    blobs = {node.name + node.type: node.layer.blobs for node in net}
    found = []
    for layer in message.layer:
        kept = blobs.get(layer.name + layer.type, ())
        found.append(
            {
                "name": layer.name,
                "type": layer.type,
                "bottoms": list(layer.bottom),
                "tops": [[top, list(net.shapes[top])] for top in layer.top],
                "params": [list(blob.shape) for blob in kept],
            }
        )
    assert found == entry["layers"]


def test_every_net_of_ours_is_in_the_table():
    assert set(NETS) == {entry["file"] for entry in ENTRIES}
