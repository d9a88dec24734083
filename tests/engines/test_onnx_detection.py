"""Boxes in ONNX: NonMaxSuppression and what is around it give the rows of the net."""

from pathlib import Path

import numpy as np
import pytest
import torch
from google.protobuf import text_format

from catdog.engines.exported_program import write_program
from catdog.engines.onnx_model import Form, write_onnx
from catdog.errors import CatdogError
from catdog.export.deployed import deployed
from catdog.layers.base import Setting
from catdog.net.net import Net
from catdog.proto.caffe_pb2 import NetParameter
from catdog.runtime.randomness import Randomness

FORKS = Path(__file__).parents[1] / "goldens_forks"


def composite(name: str) -> tuple[Net, dict[str, np.ndarray]]:
    """A whole net with the parameters of its recording, and the arrays of that."""
    path = FORKS / "composites" / f"{name}.prototxt"
    net = deployed(path, None).net
    with np.load(path.with_suffix(".npz")) as arrays:
        found = dict(arrays)
    for layer, blobs in net.layer_blobs().items():
        for index, blob in enumerate(blobs):
            blob.copy_(torch.from_numpy(found[f"param:{layer}:{index}"]).view(blob.shape))
    return net, found


@pytest.mark.parametrize("name", ["ssd_deploy", "yolov2", "yolov3", "rpn"])
def test_whole_nets_give_their_rows(name, tmp_path):
    pytest.importorskip("onnx")
    onnxruntime = pytest.importorskip("onnxruntime")
    net, arrays = composite(name)
    write_onnx(net, tmp_path / "net.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "net.onnx")
    given = {key: arrays[f"in:{key}"] for key in net.inputs}
    for output, got in zip(net.outputs, session.run(list(net.outputs), given), strict=True):
        wanted = arrays[f"blob:{output}"]
        assert got.shape == wanted.shape
        np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-6 * np.abs(wanted).max())


@pytest.mark.parametrize("name", ["ssd_deploy", "yolov2"])
def test_opencv_gives_the_same_rows(name, tmp_path):
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    cv2 = pytest.importorskip("cv2", minversion="5")
    net, arrays = composite(name)
    write_onnx(net, tmp_path / "net.onnx")
    theirs = cv2.dnn.readNetFromONNX(str(tmp_path / "net.onnx"))
    theirs.setInput(arrays["in:data"], "data")
    wanted = arrays["blob:detection_out"]
    np.testing.assert_allclose(
        theirs.forward("detection_out"), wanted, rtol=1e-5, atol=2e-6 * np.abs(wanted).max()
    )


def test_a_detector_takes_pictures_of_any_size(tmp_path):
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    net, _ = composite("ssd_deploy")
    form = Form(dynamic=("batch", "height", "width"))
    (found,) = write_onnx(net, tmp_path / "net.onnx", form)
    assert len(found.shapes) > 1


DETECTION = """
layer { name: "in" type: "Input" top: "loc" top: "conf" top: "prior"
  input_param { shape { dim: [2, %(loc)d] } shape { dim: [2, 36] } shape { dim: [1, 2, 48] } } }
layer { name: "found" type: "DetectionOutput" bottom: "loc" bottom: "conf" bottom: "prior"
  top: "found" detection_output_param { num_classes: 3 %(more)s } }
"""


def boxes(more: str, sets: int = 1) -> Net:
    message = NetParameter()
    text_format.Parse(DETECTION % {"loc": 48 * sets, "more": more}, message)
    return Net(message, setting=Setting(Randomness(0)))


CASES = {
    "everything": "",
    "top_k": "nms_param { top_k: 4 } confidence_threshold: 0.3",
    "keep_top_k": "keep_top_k: 5 nms_param { nms_threshold: 0.45 top_k: 9 }",
    "keep_none": "keep_top_k: 0",
    "keep_more_than_there_are": "keep_top_k: 200 nms_param { top_k: 400 }",
    "no_background": "background_label_id: 7 code_type: CENTER_SIZE confidence_threshold: 0.5",
    "last_is_background": "background_label_id: 2 code_type: CORNER_SIZE",
    "eta_that_changes_nothing": "nms_param { nms_threshold: 0.4 eta: 0.5 }",
    "in_target": "variance_encoded_in_target: true code_type: CENTER_SIZE",
    "nothing": "confidence_threshold: 2",
}


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("case", CASES)
def test_drawn_boxes_give_the_rows_of_the_net(case, shared, tmp_path):
    pytest.importorskip("onnx")
    onnxruntime = pytest.importorskip("onnxruntime")
    more = CASES[case] + ("" if shared else " share_location: false")
    net = boxes(more, 1 if shared else 3)
    write_onnx(net, tmp_path / "net.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "net.onnx")
    chance = np.random.default_rng(3)
    corners = np.sort(chance.uniform(0, 1, (12, 2, 2)), axis=1).reshape(-1)
    # some boxes lie the wrong way round once their offsets are added
    loc = chance.normal(0, 3, tuple(net.inputs["loc"]))
    batch = {
        "loc": loc.astype(np.float32),
        "conf": chance.uniform(0, 1, (2, 36)).astype(np.float32),
        "prior": np.stack([corners, np.full(48, 0.1)])[None].astype(np.float32),
    }
    (got,) = session.run(["found"], batch)
    wanted = net({name: torch.from_numpy(array) for name, array in batch.items()}).blobs["found"]
    assert got.shape == tuple(wanted.shape)
    np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-6)


def test_a_threshold_that_falls_is_refused(tmp_path):
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    net = boxes("nms_param { nms_threshold: 0.9 eta: 0.7 }")
    with pytest.raises(CatdogError, match=r'layer "found": .*has eta 0.7, with which the thresh'):
        write_onnx(net, tmp_path / "net.onnx")
    assert not list(tmp_path.iterdir())


def test_what_only_onnx_has_an_operator_for(tmp_path):
    with pytest.raises(CatdogError, match=r'can hold for "found" \(DetectionOutput\); write .onnx'):
        write_program(boxes(""), tmp_path / "net.pt2")
