# ruff: noqa: E501 - nets and tables are written as their files have them
"""Small files of every format, sound ones, made in memory where the goldens have none."""

import io
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from pathlib import Path

import h5py
import numpy as np
import safetensors.torch
import torch
import yaml
from google.protobuf import text_format

from catdog.data.checksums import checksum
from catdog.data.datum import array_to_datum, array_to_legacy_blob, encoded_datum
from catdog.proto import packed
from catdog.proto.caffe_pb2 import (
    LayerParameter,
    NetParameter,
    RunState,
    SolverState,
    SourceState,
)
from catdog.solver.solverstate import TrainingState, write_state
from catdog.weights import weights_of, write_weights
from tests.pictures import by_pillow, encoded, picture
from tests.runs import Rows, Run, rows
from tests.weights.nets import PLAIN, net

ROOT = Path(__file__).parents[2]
GOLDENS = ROOT / "tests" / "goldens"
NET = PLAIN

_YAML = """# a net
x-fill: &fill
  weight_filler: {type: xavier}
name: 'tiny "net"'
layer:
- name: data
  type: Data
  top: [data, label]
  include: {phase: TRAIN}
  transform_param: {scale: 0.01, crop_size: 4, mean_value: [1, 2.5, 3]}
  data_param: {source: train_lmdb, batch_size: 6, backend: LMDB}
- {name: fc, type: InnerProduct, bottom: data, top: fc, inner_product_param: {num_output: 4, <<: *fill}}
- {name: loss, type: SoftmaxWithLoss, bottom: [fc, label], top: loss, loss_weight: 1e-1}
"""
_SOLVER = """net: "net.prototxt"
test_iter: 10
test_interval: 5
base_lr: 0.01  # a comment
lr_policy: "multistep"
gamma: 0.1
stepvalue: [100, 200]
max_iter: 300
type: "SGD"
solver_mode: GPU
snapshot_prefix: "out/tiny"
"""
_CHECKED = """
name: "small"
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 2 dim: 3 dim: 9 dim: 9 } } }
layer { name: "label" type: "Input" top: "label" input_param { shape { dim: 2 } } }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv" param { lr_mult: 1 decay_mult: 1 }
  convolution_param { num_output: 4 kernel_size: 3 stride: 2 pad: 1 group: 1 dilation: 1
    weight_filler { type: "gaussian" std: 0.01 } } }
layer { name: "bn" type: "BatchNorm" bottom: "conv" top: "bn" batch_norm_param { eps: 1e-5 } }
layer { name: "pool" type: "Pooling" bottom: "bn" top: "pool"
  pooling_param { pool: MAX kernel_size: 3 stride: 2 } }
%s
layer { name: "fc" type: "InnerProduct" bottom: "%s" top: "fc" inner_product_param { num_output: 2 axis: 1 } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "fc" bottom: "label" top: "loss"
  loss_param { ignore_label: -1 } loss_weight: 1 }
"""
_MIDDLES = (
    'layer { name: "m" type: "LRN" bottom: "pool" top: "m" lrn_param { local_size: 3 alpha: 1 } }',
    'layer { name: "m" type: "Deconvolution" bottom: "pool" top: "m"\n'
    "  convolution_param { num_output: 2 kernel_h: 2 kernel_w: 3 stride: 2 bias_term: false } }",
    'layer { name: "m" type: "Reshape" bottom: "pool" top: "m"\n'
    "  reshape_param { shape { dim: 0 dim: -1 dim: 1 } axis: 0 num_axes: -1 } }",
    'layer { name: "m" type: "Slice" bottom: "pool" top: "m" top: "n"\n'
    "  slice_param { axis: 1 slice_point: 2 } }\n"
    'layer { name: "s" type: "Silence" bottom: "n" }',
    'layer { name: "m" type: "Concat" bottom: "pool" bottom: "pool" top: "m" concat_param { axis: 2 } }',
    'layer { name: "m" type: "Crop" bottom: "pool" bottom: "pool" top: "m" crop_param { axis: 2 offset: 0 } }',
    'layer { name: "m" type: "SPP" bottom: "pool" top: "m" spp_param { pyramid_height: 2 } }',
    'layer { name: "m" type: "Im2col" bottom: "pool" top: "m" convolution_param { kernel_size: 2 } }',
    'layer { name: "m" type: "Tile" bottom: "pool" top: "m" tile_param { axis: 1 tiles: 2 } }',
    'layer { name: "m" type: "Eltwise" bottom: "pool" bottom: "pool" top: "m"\n'
    "  eltwise_param { operation: SUM coeff: 1 coeff: -0.5 } }",
    'layer { name: "m" type: "Flatten" bottom: "pool" top: "m" flatten_param { axis: 1 end_axis: -1 } }',
    'layer { name: "m" type: "Reduction" bottom: "pool" top: "m" reduction_param { axis: 1 coeff: 2 } }',
    'layer { name: "m" type: "Scale" bottom: "pool" top: "m" scale_param { axis: 1 num_axes: 1 bias_term: true } }',
    'layer { name: "m" type: "Power" bottom: "pool" top: "m" power_param { power: 2 scale: 0.5 shift: 1 } }',
    'layer { name: "a" type: "ArgMax" bottom: "pool" top: "m" argmax_param { top_k: 2 axis: 1 } }',
    'layer { name: "m" type: "MVN" bottom: "pool" top: "m" }\n'
    'layer { name: "f" type: "Filter" bottom: "m" bottom: "label" top: "f" }',
    'layer { name: "e" type: "DummyData" top: "e" dummy_data_param { shape { dim: 2 dim: 1 }\n'
    '  data_filler { type: "constant" value: 1 } } }\n'
    'layer { name: "m" type: "Embed" bottom: "e" top: "m" embed_param { num_output: 3 input_dim: 5 } }',
)  # fmt: skip


def prototxts() -> Sequence[bytes]:
    names = ("formats/features_net.prototxt", "logs/train_val.prototxt", "logs/solver.prototxt")
    return [*((GOLDENS / name).read_bytes() for name in names), *small_nets()[:4]]


@cache
def yamls() -> Sequence[bytes]:
    return [_YAML.encode(), _SOLVER.encode()]


@cache
def small_nets() -> Sequence[bytes]:
    return [(_CHECKED % (middle, "m")).encode() for middle in _MIDDLES]


@cache
def datums() -> Sequence[bytes]:
    pixels = picture(5, 4)
    array = np.ascontiguousarray(pixels.transpose(2, 0, 1))
    several = array_to_datum(array, None)
    several.labels.extend([0.5, 1, 2])
    made = [array_to_datum(array, 1), array_to_datum(array.astype(np.float32), 1), several]
    made += [encoded_datum(encoded(pixels, ending), 1) for ending in (".jpg", ".png")]
    return [datum.SerializeToString() for datum in made]


def _golden(*names: str) -> Sequence[bytes]:
    return [(GOLDENS / "formats" / name).read_bytes() for name in names]


@cache
def _weights(ending: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"x{ending}"
        small = net(NET)
        write_weights(path, weights_of(small))
        return path.read_bytes()


@cache
def caffemodels() -> Sequence[bytes]:
    forked = LayerParameter(name="b", type="BN")
    # SegNet's bn_param, with bn_mode; R-FCN's pre_fixed_normalizer
    forked.MergeFromString(b"\xea\x02\x02\x18\x01" + b"\xaa\x06\x05\x25\0\0\0\x40")
    blob = packed.blob(np.ones(3, np.float32))
    net = NetParameter(layer=[forked, LayerParameter(name="c", blobs=[blob])])
    plain = _weights(".caffemodel")
    return [plain, net.SerializeToString(), *_golden("v0.caffemodel", "v1.caffemodel")]


@cache
def hdf5_models() -> Sequence[bytes]:
    return [_weights(".caffemodel.h5")]


@cache
def _state(ending: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"x{ending}"
        history = [np.ones((4, 3), np.float32), np.ones(4, np.float32)]
        write_state(path, TrainingState(4, 1, "x_iter_4.caffemodel", history, RunState()))
        return path.read_bytes()


@cache
def states() -> Sequence[bytes]:
    return [_state(".solverstate"), *_golden("model.solverstate", "adam.solverstate")]


@cache
def hdf5_states() -> Sequence[bytes]:
    return [_state(".solverstate.h5"), *_golden("model.solverstate.h5")]


@cache
def torch_files() -> Sequence[bytes]:
    new, old = io.BytesIO(), io.BytesIO()
    tensors = {"block/a.0": torch.ones(4, 3), "block/a.1": torch.ones(4)}
    torch.save({"state_dict": tensors}, old, _use_new_zipfile_serialization=False)
    # in memory: an archive has the name of its file in it
    torch.save({"module.block/a.0": torch.ones(4, 3), "module.b.0": torch.ones(2).half()}, new)
    return [new.getvalue(), old.getvalue()]


@cache
def safetensors_files() -> Sequence[bytes]:
    other = {"module.block/a.0": torch.ones(4, 3), "module.b.0": torch.ones(2, dtype=torch.int32)}
    return [_weights(".safetensors"), safetensors.torch.save(other)]


@cache
def means() -> Sequence[bytes]:
    return _golden("double_blob.binaryproto", "mean_gray.binaryproto")


@cache
def npys() -> Sequence[bytes]:
    return [
        _npy(np.ones((3, 2, 2), np.float32)),
        _npy(np.ones((1, 3, 2, 2)).T),
        _npy(np.ones(3, int)),
    ]


@cache
def npzs() -> Sequence[bytes]:
    made = []
    for save in (np.savez, np.savez_compressed):
        stream = io.BytesIO()
        save(stream, ip1=np.ones((3, 4), np.float32), **({"b": np.ones(3)} if made else {}))
        made.append(stream.getvalue())
    return made


@cache
def checksums() -> Sequence[bytes]:
    known = checksum(datums()[0])
    return [f"key,crc32\r\n0,{known}\r\n1,{known},gray\r\n2,{known}\r\n".encode()]


@cache
def matrices() -> Sequence[bytes]:
    return [array_to_legacy_blob(np.eye(3, dtype=np.float32)).SerializeToString()]


_DEPLOYED = """
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 dim: 4 dim: 4 } }
  transform_param { crop_size: 4 scale: 0.01 } }
layer { name: "fc" type: "InnerProduct" bottom: "data" top: "fc" inner_product_param { num_output: 2 } }
layer { name: "prob" type: "Softmax" bottom: "fc" top: "prob" }
"""


@cache
def carrying() -> Sequence[bytes]:
    """Weights with all that prediction needs; numbers last, so that mutations meet the rest."""
    net = text_format.Parse(_DEPLOYED, NetParameter(name="tiny"))
    text_format.Parse(_DEPLOYED, net.deploy)
    record = "width: 6 height: 5 equalize: true interpolation: AREA class_name: ['cat', 'dog']"
    text_format.Parse(record, net.dataset)
    net.mean.CopyFrom(array_to_legacy_blob(np.ones((3, 5, 6), np.float32)))
    net.layer[1].blobs.add(data=[0.1] * 96).shape.dim.extend([2, 48])
    net.layer[1].blobs.add(data=[0.1] * 2).shape.dim.extend([2])
    return [net.SerializeToString()]


class _Forgiving(Rows):
    """Rows that go on from no state where they are, as the feed of a training does."""

    def load_state(self, states: Iterable[SourceState]) -> None:
        for state in list(states)[:1]:
            self.position = state.position % self.count


def small_run(folder: Path) -> Run:
    """A training with all that a snapshot may hold."""
    arrays = rows().arrays
    return Run(
        feed=_Forgiving({name: each.numpy() for name, each in arrays.items()}, 8),
        tests=[1],
        max_iter=8,
        test_interval=2,
        snapshot_prefix=str(folder / "x"),
        type="Adam",
        average_loss=2,
        ema_decay=0.9,
        snapshot_best="accuracy",
        early_stop_patience=5,
    )


@cache
def snapshot() -> tuple[bytes, bytes]:
    """A state without its seal, so that damage is met by what reads it; and its weights."""
    with tempfile.TemporaryDirectory() as folder:
        run = small_run(Path(folder))
        run.solver.step(4)
        run.solver.snapshot()
        message = SolverState.FromString(Path(folder, "x_iter_4.solverstate").read_bytes())
        model = Path(folder, "x_iter_4.caffemodel").read_bytes()
    message.ClearField("seal")
    message.run.ClearField("average_sha256")
    message.run.ClearField("averaged")
    message.learned_net = "x_iter_4.caffemodel"
    return message.SerializeToString(), model


def _npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


@cache
def hdf5_data() -> Sequence[bytes]:
    made = []
    for options in ({}, {"chunks": True, "compression": "gzip"}):
        stream = io.BytesIO()
        with h5py.File(stream, "w") as file:
            file.create_dataset("data", data=np.ones((6, 2, 3), np.float32), **options)
            file.create_dataset("label", data=np.arange(6, dtype=np.float32), **options)
        made.append(stream.getvalue())
    return made


@cache
def logs() -> Sequence[bytes]:
    made = [(GOLDENS / "logs" / name).read_text() for name in ("train.log", "test.log")]
    # the beginning is the text of the net
    kept = [
        line for text in made for line in text.splitlines() if "Iteration" in line or "#" in line
    ]
    test = [line for line in made[1].splitlines() if "Batch" in line or "= " in line][-30:]
    return ["\n".join(lines[:80]).encode() for lines in (kept, test)]


@cache
def metrics() -> Sequence[bytes]:
    head = "iteration,epoch,seconds,learning_rate,train_loss,accuracy,loss\n"
    lines = [f"{i},{i / 3:.3f},{i * 1.5},0.01,{1 / (i + 1):.4f},0.5,0.7\n" for i in range(8)]
    return [(head + "".join(lines)).encode()]


@cache
def runs() -> Sequence[bytes]:
    best = {"accuracy": {"value": 0.75, "iteration": 40, "better": "higher"}}
    content = {
        "name": "x", "run": "calm-owl", "status": "done", "started": "2026-11-28T10:00:00.000+00:00",
        "ended": "2026-11-28T11:00:00.000+00:00", "seconds": 3600.5, "iteration": 40,
        "score": "accuracy", "final": {"iteration": 40, "accuracy": 0.75, "loss": 0.5}, "best": best,
        "command": "python tools/train.py", "folder": "/tmp", "solver_file": "s.yaml", "seed": 3,
        "device": "cpu", "host": {"name": "a", "cores": 2}, "process": 17,
        "versions": {"torch": "2.11"}, "git": {"commit": "abc", "changed": False},
        "sessions": [{"started": "2026-11-28T10:00:00.000+00:00"}],
        "solver": "base_lr: 0.1\nmax_iter: 40\n", "train_net": _CHECKED % (_MIDDLES[0], "m"),
        "test_nets": ['layer { name: "accuracy" type: "Accuracy" top: "accuracy" }\n'],
    }  # fmt: skip
    without = {**content, "score": None, "best": {}, "status": "running"}
    del without["score"]
    return [yaml.safe_dump(each, sort_keys=False).encode() for each in (content, without)]


@cache
def datasets() -> Sequence[bytes]:
    return [
        b"width: 64\nheight: 64\nequalize: true\nresize: PAD\nchannel_order: BGR\n"
        b"interpolation: CUBIC\nclass_name: [cat, 'dog, big']\n"
        b"count:\n  per_class_train: [10, 12]\n  gray: 1\n"
    ]


@cache
def lists() -> Sequence[bytes]:
    windows = "# 0\na.png\n3 30 40 2\n1 0.9 2 2 20 20\n0 0.1 3 3 10 12\n# 1\na.png\n3 30 40 1\n1 1 1 1 9 9\n"
    texts = (
        "a.png 0\nsub/b c.jpg 1\na.png 2\n",
        "filename,label\na.png,cat\nb.png,dog\nc.png,cat\n",
        "a.png\tcat\r\nb.png\tdog\r\n",
        "a.png 0.5 1\na.png 2 3e-1\n",
        "0\n2  # a comment\n\n1\n",
        "data.h5\n",
        windows,
    )
    return [*(text.encode() for text in texts), texts[0].encode("utf-16")]


@cache
def tables() -> Sequence[bytes]:
    return [
        b"file,age,happy\na.jpg,3,1\nb.jpg,4.5,0\nc.jpg,-1e3,1\n",
        b'file;labels\na.jpg;cat dog\nb.jpg;"dog"\n',
        b"file\tlabel\na.jpg\t0\nb.jpg\t1\n",
    ]


@cache
def zips() -> Sequence[bytes]:
    made = []
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", method) as archive:
            archive.writestr("photos/1.png", encoded(picture(5, 4), ".png"))
            archive.writestr("photos/ü 2.bmp", encoded(picture(3, 3), ".bmp"))
            archive.writestr("__MACOSX/._1.png", b"x")
        made.append(stream.getvalue())
    return made


def pictures(form: str) -> Callable[[], Sequence[bytes]]:
    """Samples of a format by the ending of its files."""

    @cache
    def made() -> Sequence[bytes]:
        gray, color = np.full((6, 5), 90, np.uint8), picture(9, 7)
        if form == "gif":
            return [by_pillow("P", "GIF"), _animated()]
        plain = [encoded(color, f".{form}"), encoded(gray, f".{form}")]
        return plain + [by_pillow(*more) for more in _ODD.get(form, ())]

    return made


_ODD = {
    "jpg": (("CMYK", "JPEG"),),
    "png": (("P", "PNG"), ("1", "PNG"), ("LA", "PNG")),
    "webp": (("RGBA", "WEBP"),),
    "bmp": (("P", "BMP"),),
    "tif": (("CMYK", "TIFF"), ("F", "TIFF"), ("1", "TIFF")),
}


def _animated() -> bytes:
    from PIL import Image

    stream = io.BytesIO()
    frames = [Image.fromarray(picture(6, 5, seed)) for seed in range(2)]
    frames[0].save(stream, "GIF", save_all=True, append_images=frames[1:])
    return stream.getvalue()
