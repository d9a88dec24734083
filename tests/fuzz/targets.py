"""What is damaged, and what of the product reads it: for each format its samples and a reader."""

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from catdog.analysis.subset.lmdb_features import read_features
from catdog.data.build.label_table import read_label_table
from catdog.data.build.list_file import read_list, read_numbered
from catdog.data.class_names import read_class_names
from catdog.data.images import Unreadable, load
from catdog.data.mean import read_mean
from catdog.data.preprocessing import dataset_of
from catdog.data.sources import Context, open_source
from catdog.data.sources.index_file import read_index
from catdog.data.sources.window_list import read_windows
from catdog.data.store_check import check_store
from catdog.errors import CatdogError
from catdog.export.convert import Conversion, convert
from catdog.inference.photos import given_photos, ids_of
from catdog.inference.predictor import Prediction, Predictor
from catdog.net.net import Net
from catdog.proto.caffe_pb2 import TEST, DatasetParameter, NetParameter
from catdog.solver.snapshot_search import check_whole
from catdog.solver.solverstate import read_state
from catdog.spec.read import read_spec
from catdog.spec.upgrade import upgrade_net
from catdog.tracking.curves.data import ACROSS, Style, read_curves
from catdog.tracking.log_reader import read_log, table
from catdog.tracking.metrics_csv import _rows, _turn
from catdog.tracking.run_table import rows
from catdog.tracking.runs import find_runs, learned_from, standing
from catdog.tracking.schedule import Schedule
from catdog.training.check import inspect
from catdog.weights import read_mark, read_weights
from catdog.weights.copy import compare, copy_weights
from tests.data.sources.build import layer, write_values
from tests.fuzz import samples
from tests.weights.nets import net


class Target(NamedTuple):
    """A format: the name of its file, samples of it, and what reads the file."""

    file: str
    samples: Callable[[], Sequence[bytes]]
    read: Callable[[Path], object]
    text: bool = False
    #: How many mutations `make test` tries.
    count: int = 400


def _all(path: Path, *readers: Callable[[Path], object]) -> None:
    """Each reader by itself: what one refuses another may take."""
    for reader in readers:
        try:
            reader(path)
        except CatdogError as error:
            check(error)


def check(error: CatdogError) -> None:
    """Fails for a message that names no place, or is of several lines."""
    for line in getattr(error, "faults", None) or [error]:
        text = str(line)
        assert line.where, f"names no place: {text}"
        assert len(text.splitlines()) == 1, f"is of several lines: {text!r}"


@cache
def _small_net() -> Net:
    return net(samples.NET)


def _read_weights(path: Path) -> None:
    weights = read_weights(path)
    compare(_small_net(), weights)
    copy_weights(_small_net(), weights)


def _inspect(path: Path) -> None:
    inspect(path)


def _read_log(path: Path) -> None:
    log = read_log(path)
    table(log.train_outputs, log)
    table(log.test_outputs, log)


def _read_curves(path: Path) -> None:
    for across in ACROSS:
        _all(path, lambda path, across=across: read_curves([path], Style(across=across)))


def _read_metrics(path: Path) -> None:
    log = path.with_name("train.log")
    if not log.exists():
        log.write_bytes(samples.logs()[0])
    schedule = Schedule(first=4, last=8, examples=4, epoch=10)
    _all(
        path,
        lambda path: _turn(_rows(path) or [], 4, schedule),
        lambda _: read_curves([log], Style(across="epoch")),
    )


def _read_run(path: Path) -> None:
    def shown(path: Path) -> None:
        runs = find_runs([path])
        rows(runs)
        for run in runs:
            str(run.status), run.surroundings, run.specs, run.score

    def beside(path: Path) -> None:
        weights = path.with_name("x_iter_4.caffemodel")
        standing(weights)
        learned_from(weights, path.parent)

    _all(path, shown, beside, lambda path: find_runs([path.parent]))


def _read_dataset(path: Path) -> None:
    data = layer('data_param { source: "." }')
    dataset_of(data, lambda _: path.parent)


def _read_picture(path: Path) -> None:
    for order in (DatasetParameter.BGR, DatasetParameter.GRAY):
        sizes = DatasetParameter(width=8, height=8, equalize=True, channel_order=order)
        _all(path, lambda path, sizes=sizes: load(path, sizes))


def _read_photos(path: Path) -> None:
    photos = given_photos([path])
    ids_of(photos)
    for photo in photos:
        _all(path, lambda _, photo=photo: load(photo.file, DatasetParameter()))


def _read_store(path: Path) -> None:
    """A record between two sound ones; the file is not the store but the record."""
    folder = path.with_name("lmdb")
    for old in folder.glob("*"):
        old.unlink()
    sound = samples.datums()[0]
    write_values(folder, [(b"0", sound), (b"1", path.read_bytes()), (b"2", sound)])

    def fed(_: Path) -> None:
        text = 'data_param { source: "lmdb" batch_size: 3 } transform_param { crop_size: 2 }'
        source = open_source(layer(text), Context(phase=TEST, locate=lambda _: folder))
        try:
            source.finish(source.next())
        finally:
            source.close()

    _all(path, fed, lambda _: check_store(folder))


def _read_hdf5_data(path: Path) -> None:
    listed = path.with_name("list.txt")
    listed.write_text(f"{path}\n")
    made = layer('hdf5_data_param { source: "list.txt" batch_size: 4 }', "HDF5Data")
    source = open_source(made, Context(phase=TEST, locate=lambda name: path.parent / name))
    source.next()
    source.label_counts("label")


def _read_source_list(kind: str, text: str) -> Callable[[Path], None]:
    def read(path: Path) -> None:
        picture = path.with_name("a.png")
        if not picture.exists():
            picture.write_bytes(samples.pictures("png")()[0])
        made = layer(text, kind)
        source = open_source(made, Context(phase=TEST, locate=lambda name: path.parent / name))
        try:
            source.next()
        finally:
            source.close()

    return read


_IMAGES = 'image_data_param { source: "list" batch_size: 2 new_height: 4 new_width: 4 }'
_VECTORS = (
    'image_data_param { source: "list" batch_size: 2 num_labels: 2 new_height: 4 new_width: 4 }'
)
_WINDOWS = 'window_data_param { source: "list" batch_size: 2 } transform_param { crop_size: 4 }'


def _read_lists(path: Path) -> None:
    _all(
        path,
        read_list,
        lambda path: read_list(path, labels=path),
        lambda path: read_numbered(path, path.parent),
        read_class_names,
        lambda path: read_index(path, 3),
        read_windows,
        _read_source_list("ImageData", _IMAGES),
        _read_source_list("ImageData", _VECTORS),
        _read_source_list("WindowData", _WINDOWS),
        _read_source_list("HDF5Data", 'hdf5_data_param { source: "list" batch_size: 4 }'),
    )


def _predict(path: Path) -> None:
    """A photo by the net, the mean and the preparation that weights carry."""
    photo = path.with_name("a.png")
    if not photo.exists():
        photo.write_bytes(samples.pictures("png")()[0])
    predictor = Predictor(read_weights(path))
    for found in predictor.predict([photo]):
        assert isinstance(found, Unreadable | Prediction)


def _resume(path: Path) -> None:
    """A training goes on from a state, whose weights are whole, for an iteration."""
    state, model = samples.snapshot()
    assert state
    weights = path.with_name("x_iter_4.caffemodel")
    if not weights.exists():
        weights.write_bytes(model)
    run = samples.small_run(path.parent)
    run.solver.restore(path)
    run.solver.step(1)


def _read_npy(path: Path) -> None:
    _all(path, read_mean, lambda path: convert(Conversion(path, path.with_suffix(".binaryproto"))))


def _read_npz(path: Path) -> None:
    _all(path, read_features, lambda path: read_features(path, "ip1"))


def _read_checksums(path: Path) -> None:
    if not path.with_name("data.mdb").exists():
        table = path.read_bytes()
        path.unlink()
        sound = samples.datums()[0]
        write_values(path.parent, [(b"%d" % number, sound) for number in range(3)])
        path.write_bytes(table)
    check_store(path.parent)


def _read_infogain(path: Path) -> None:
    text = 'infogain_loss_param { source: "%s" }' % path  # noqa: UP031 - braces
    made = layer(text, "InfogainLoss", ["loss"])
    made.bottom[:] = ["a", "b"]
    message = NetParameter(layer=[made], input=["a", "b"])
    message.input_shape.add(dim=[2, 3])
    message.input_shape.add(dim=[2])
    Net(upgrade_net(message))


def _read_state(path: Path) -> None:
    _all(path, read_state, check_whole)


TARGETS = {
    "prototxt": Target("x.prototxt", samples.prototxts, read_spec, text=True, count=1000),
    "yaml": Target("x.yaml", samples.yamls, read_spec, text=True, count=1000),
    "checked": Target("x.prototxt", samples.small_nets, _inspect, text=True, count=250),
    "datum": Target("datum", samples.datums, _read_store, count=400),
    "caffemodel": Target("x.caffemodel", samples.caffemodels, _read_weights, count=1000),
    "caffemodel.h5": Target("x.caffemodel.h5", samples.hdf5_models, _read_weights, count=600),
    "solverstate": Target("x_iter_4.solverstate", samples.states, _read_state, count=1000),
    "solverstate.h5": Target(
        "x_iter_4.solverstate.h5", samples.hdf5_states, _read_state, count=400
    ),
    "pt": Target("x.pt", samples.torch_files, _read_weights, count=600),
    "safetensors": Target("x.safetensors", samples.safetensors_files, _read_weights, count=1000),
    "mean": Target("mean.binaryproto", samples.means, read_mean, count=1000),
    "npy": Target("mean.npy", samples.npys, _read_npy, count=600),
    "predicting": Target("x.caffemodel", samples.carrying, _predict, count=500),
    "resuming": Target("x_iter_4.solverstate", lambda: [samples.snapshot()[0]], _resume, count=300),
    "npz": Target("x.npz", samples.npzs, _read_npz, count=600),
    "checksums": Target("checksums.csv", samples.checksums, _read_checksums, text=True, count=300),
    "infogain": Target("x.binaryproto", samples.matrices, _read_infogain, count=400),
    "hdf5_data": Target("data.h5", samples.hdf5_data, _read_hdf5_data, count=400),
    "log": Target(
        "train.log", samples.logs, lambda path: _all(path, _read_log, _read_curves), text=True
    ),
    "metrics": Target("metrics.csv", samples.metrics, _read_metrics, text=True),
    "run": Target("x_run.yaml", samples.runs, _read_run, text=True, count=300),
    "dataset": Target("dataset.yaml", samples.datasets, _read_dataset, text=True),
    "mark": Target("x.caffemodel", samples.caffemodels, read_mark, count=500),
    "list": Target("list", samples.lists, _read_lists, text=True, count=600),
    "table": Target(
        "labels.csv",
        samples.tables,
        lambda path: read_label_table(path, path.parent),
        text=True,
        count=600,
    ),
    "zip": Target("photos.zip", samples.zips, _read_photos, count=400),
    **{
        form: Target(f"photo.{form}", samples.pictures(form), _read_picture, count=400)
        for form in ("jpg", "png", "webp", "gif", "bmp", "tif")
    },
}
