"""Notes and warnings about the data, before the first iteration."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack

from catdog.data.lmdb_store import NotBuilt
from catdog.data.mean import BUILT_MEAN
from catdog.data.preprocessing import dataset_of
from catdog.data.sources import Context, RecordSource, Source, open_source
from catdog.errors import DataError
from catdog.net.net import Net
from catdog.net.resolved import ResolvedNet
from catdog.proto.caffe_pb2 import TEST, TRAIN, DatasetParameter, LayerParameter
from catdog.solver.events import Noted, Warned
from catdog.training.label_checks import label_warnings

#: A class with less than this part of an equal share is warned of.
_SCARCE = 0.2
#: So is a crop that shows less than this part of the picture.
_NARROW = 0.4

_SOURCES = ("data_param", "image_data_param", "hdf5_data_param", "window_data_param")


def advice(resolved: ResolvedNet, net: Net, sources: Sequence[Source]) -> Iterator[Noted | Warned]:
    """The number of examples of each class, and what may be wrong with the data of a net."""
    for source in sources:
        dataset = dataset_of(source.layer, resolved.locate)
        if dataset is not None:
            counts = source.label_counts(source.tops[-1])
            if counts and len(counts) == len(dataset.class_name):
                named = dict(zip(dataset.class_name, counts.values(), strict=True))
                yield from _classes(named, resolved, source)
            yield from crop_warnings(source.layer, dataset)
        if resolved.state.phase == TRAIN:
            yield from mean_warnings(source.layer, resolved)
    for line in label_warnings(net, sources):
        yield Warned(line)


def open_present(net: ResolvedNet, stack: ExitStack) -> tuple[list[Source], list[str]]:
    """The sources of a net whose data are there, and a line for each that `make lmdb` would build;
    the stack closes them."""
    context = Context(net.state.phase, locate=net.locate)
    sources, missing = [], []
    for layer in net.data_layers:
        try:
            with net.located():
                sources.append(open_source(layer, context))
            stack.callback(sources[-1].close)
        except NotBuilt as error:
            missing.append(str(error))
        except DataError:
            pass  # told as what was assumed
    return sources, missing


def same_data(nets: Sequence[ResolvedNet]) -> Iterator[str]:
    """A line for each store or list that a net is trained and tested on alike."""
    stores: dict[int, dict[tuple[str, str], str]] = {TRAIN: {}, TEST: {}}
    for net in nets:
        stores[net.state.phase].update(_stores(net))
    for store in stores[TRAIN].keys() & stores[TEST].keys():
        yield (
            f"trained and tested on the same data, {stores[TRAIN][store]}: the test says nothing "
            "of others; give the test net validation data"
        )


def _stores(net: ResolvedNet) -> Iterator[tuple[tuple[str, str], str]]:
    """What the data layers read, which of it, and what it is called."""
    for layer in net.data_layers:
        for name in _SOURCES:
            if source := getattr(layer, name).source:
                which = layer.data_param.index_file
                yield (str(net.locate(source).resolve()), which), source


def _classes(
    named: Mapping[str, int], net: ResolvedNet, source: Source
) -> Iterator[Noted | Warned]:
    phase = "train" if net.state.phase == TRAIN else "validation"
    listed = ", ".join(f"{number} {name}" for name, number in named.items())
    yield Noted(f"{phase} data: {listed}{_tested(net, source)}")
    least = _SCARCE * sum(named.values()) / len(named)
    scarce = [name for name, number in named.items() if number < least]
    if scarce:
        yield Warned(
            f"few {phase} examples of {', '.join(scarce)}: a net may do well by never naming them"
        )


def _tested(net: ResolvedNet, source: Source) -> str:
    """How many of the examples each test takes, where test_iter says another number."""
    if net.state.phase == TRAIN or net.iterations is None or not isinstance(source, RecordSource):
        return ""
    taken = net.iterations * source.batch_size
    return "" if taken == source.size else f"; each test takes {taken:,} of {source.size:,}"


def mean_warnings(layer: LayerParameter, resolved: ResolvedNet) -> Iterator[Warned]:
    """That the mean is another one than that beside the store."""
    mean, store = layer.transform_param.mean_file, layer.data_param.source
    if not (mean and store):
        return
    given, own = resolved.locate(mean), resolved.locate(store).parent / BUILT_MEAN
    if own.is_file() and given.is_file() and given.read_bytes() != own.read_bytes():
        yield Warned(f"{given} is not the mean of {resolved.locate(store)}, which is {own}")


def crop_warnings(layer: LayerParameter, dataset: DatasetParameter) -> Iterator[Warned]:
    """That a layer crops to a small part of the stored pictures."""
    size, stored = layer.transform_param.crop_size, dataset.width * dataset.height
    part = size * size / stored if stored else 1
    if size and part < _NARROW:
        yield Warned(
            f"crop_size {size} shows {part:.0%} of the stored {dataset.width} x {dataset.height} "
            f"pictures; to see all of them, build the data with size {size}"
        )
