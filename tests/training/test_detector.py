"""A small SSD from photos with boxes to its mean average precision: store, training, tests."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from google.protobuf import text_format

from catdog.data.build.annoset import convert_annoset
from catdog.proto.caffe_pb2 import TEST, TRAIN, NetParameter
from catdog.solver.events import Best, Display, Event, NetTested, Noted
from catdog.training.options import Options
from catdog.training.train import train

SSD = Path(__file__).parents[1] / "goldens_forks" / "composites" / "ssd_train.prototxt"
COLOURS = {"red": (40, 40, 230), "blue": (230, 60, 40)}
MAP = 'item { name: "none" label: 0 } item { name: "red" label: 1 } item { name: "blue" label: 2 }'
DATA = """
layer {{ name: "data" type: "AnnotatedData" top: "data" top: "label" include {{ phase: {phase} }}
  data_param {{ source: "boxes" backend: LMDB batch_size: 10 }}
  annotated_data_param {{ label_map_file: "map.prototxt" {samplers} }}
  transform_param {{ mean_value: 128 scale: 0.02 resize_param {{ height: 16 width: 16 }}
    {changes} }} }}
"""
SAMPLERS = (
    "batch_sampler { max_sample: 1 max_trials: 1 } batch_sampler { sampler { min_scale: 0.7 } "
    "sample_constraint { min_object_coverage: 0.9 } max_sample: 1 max_trials: 10 }"
)
CHANGES = (
    "mirror: true distort_param { brightness_prob: 0.5 brightness_delta: 20 } "
    "expand_param { prob: 0.3 max_expand_ratio: 1.3 } emit_constraint { emit_type: CENTER }"
)
JUDGED = """
layer { name: "rows" type: "Reshape" bottom: "mbox_conf" top: "rows" include { phase: TEST }
  reshape_param { shape { dim: 0 dim: -1 dim: 3 } } }
layer { name: "softmax" type: "Softmax" bottom: "rows" top: "softmax" include { phase: TEST }
  softmax_param { axis: 2 } }
layer { name: "flat" type: "Flatten" bottom: "softmax" top: "flat" include { phase: TEST } }
layer { name: "found" type: "DetectionOutput" bottom: "mbox_loc" bottom: "flat" bottom: "mbox_prior"
  top: "found" include { phase: TEST } detection_output_param { num_classes: 3
  nms_param { nms_threshold: 0.45 top_k: 50 } code_type: CENTER_SIZE keep_top_k: 20
  confidence_threshold: 0.05 } }
layer { name: "detection_eval" type: "DetectionEvaluate" bottom: "found" bottom: "label"
  top: "detection_eval" include { phase: TEST } detection_evaluate_param { num_classes: 3 } }
"""
SOLVER = """
net: "net.prototxt" base_lr: 0.05 lr_policy: "poly" power: 1 momentum: 0.9 max_iter: 160 display: 10
test_interval: 160 test_iter: 2 average_loss: 10 snapshot_prefix: "out/ssd" random_seed: 3
solver_mode: CPU eval_type: "detection" ap_version: "11point" show_per_class_result: true
snapshot_best: "detection_eval"
"""


def draw_photos(folder: Path) -> None:
    rng, lines = np.random.default_rng(5), []
    for number in range(20):
        picture = rng.integers(110, 146, (64, 64, 3), np.uint8)
        name = list(COLOURS)[number % 2]
        side = int(rng.integers(30, 34))
        x, y = rng.integers(0, 64 - side, 2).tolist()
        picture[y : y + side, x : x + side] = COLOURS[name]
        cv2.imwrite(str(folder / f"{number}.png"), picture)
        corners = f"<xmin>{x}</xmin><ymin>{y}</ymin><xmax>{x + side}</xmax><ymax>{y + side}</ymax>"
        found = f"<object><name>{name}</name><bndbox>{corners}</bndbox></object>"
        (folder / f"{number}.xml").write_text(f"<annotation>{found}</annotation>")
        lines.append(f"{number}.png {number}.xml")
    (folder / "list.txt").write_text("\n".join(lines))
    (folder / "map.prototxt").write_text(MAP)


def write_net(folder: Path) -> None:
    net = text_format.Parse(SSD.read_text(), NetParameter())
    net.ClearField("state")
    net.ClearField("force_backward")
    kept = [layer for layer in net.layer if layer.type != "Input"]
    for layer in kept:
        if layer.type == "Convolution":
            layer.convolution_param.weight_filler.type = "xavier"
    brought = "".join(
        DATA.format(phase=phase, samplers=samplers, changes=changes)
        for phase, samplers, changes in (("TRAIN", SAMPLERS, CHANGES), ("TEST", "", ""))
    )
    data = text_format.Parse(brought, NetParameter())
    judged = text_format.Parse(JUDGED, NetParameter())
    made = NetParameter(name="small_ssd", layer=[*data.layer, *kept, *judged.layer])
    assert {TRAIN, TEST} == {rule.phase for layer in made.layer for rule in layer.include}
    (folder / "net.prototxt").write_text(text_format.MessageToString(made))


def test_a_small_detector_learns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    draw_photos(tmp_path)
    done = convert_annoset("list.txt", "boxes", "map.prototxt")
    assert (done.count, done.boxes) == (20, 20)
    write_net(tmp_path)
    (tmp_path / "solver.prototxt").write_text(SOLVER)
    said: list[Event] = []
    train("solver.prototxt", Options(), listeners=[said.append])
    losses = [event.loss for event in said if isinstance(event, Display)]
    assert losses[-1] < 0.4 * losses[0], losses
    tests = [event.outputs for event in said if isinstance(event, NetTested)]
    assert [[output.name for output in outputs] for outputs in tests] == [["detection_eval"]] * 2
    (before,), (after,) = tests
    assert after.value > max(0.5, before.value + 0.2), (before, after)
    noted = [event.what for event in said if isinstance(event, Noted)]
    assert [line for line in noted if line.startswith("class1: ")]
    bests = [event for event in said if isinstance(event, Best)]
    assert bests[-1].value == pytest.approx(max(before.value, after.value))
    assert Path("out/ssd_best.caffemodel").exists()
