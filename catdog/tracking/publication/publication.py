"""What is published of a run: its weights, how photos are prepared, what is known of it."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from catdog.errors import CatdogError
from catdog.export.deployed import Deployed, deployed
from catdog.inference.heads import heads_of
from catdog.inference.named_weights import weights_of_run
from catdog.proto.caffe_pb2 import DatasetParameter, NetParameter
from catdog.tracking.publication.measured import Measured
from catdog.tracking.runs import RunRecord, find_run
from catdog.weights import Weights, read_weights


@dataclass(frozen=True)
class Publication:
    """A run to publish.

    Args:
        run: its record.
        path: of the weights that are published: the best, or else the last.
        weights: theirs, with the net that prediction needs alone.
        measured: what a report says of them, None without one.
        terms: the license that its owner gives it; nothing is said without.
    """

    run: RunRecord
    path: Path
    weights: Weights
    measured: Measured | None = None
    terms: str = ""

    @property
    def name(self) -> str:
        """The name of the run, without its folder."""
        return Path(self.run.name).name

    @property
    def mark(self) -> str:
        """The random name of the run, as its weights bear it."""
        return self.weights.net.run or str(self.run.content.get("run") or "")

    @property
    def dataset(self) -> DatasetParameter:
        """How photos are prepared, and what the training data are."""
        return self.weights.net.dataset

    @cached_property
    def deployed(self) -> Deployed:
        """The net as prediction runs it."""
        return deployed(None, self.path)

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """The names of all classes and labels, of one output after the other."""
        found = self.deployed
        heads = heads_of(found.net, found.carried, self.dataset.class_name)
        return tuple(name for head in heads for name in head.names)


def weights_to_publish(run: RunRecord) -> Path:
    """The best weights of a run, or else its last; raises CatdogError where it has none."""
    path = weights_of_run(run.name)
    if path is None:
        raise CatdogError(
            "has no weights", where=run.name, remedy="train it further: a snapshot or its best"
        )
    return path


def publication_of(name: str, *, measured: Measured | None = None, terms: str = "") -> Publication:
    """The publication of a run, by its name as in `find_run`.

    Raises CatdogError where there is no such run, and where its weights cannot be published: they
    carry no net that takes photos.
    """
    run = find_run(name)
    path = weights_to_publish(run)
    read = read_weights(path)
    if not (read.net.HasField("deploy") and read.net.HasField("dataset")):
        what = "does not carry how photos are prepared for it, so that nobody could use it"
        remedy = "train on an LMDB of create_lmdb.py, or export the net alone: catdog convert"
        raise CatdogError(what, where=str(path), remedy=remedy)
    weights = Weights(read.blobs, _for_others(read.net), read.source)
    return Publication(run, path, weights, measured, terms)


def _for_others(net: NetParameter) -> NetParameter:
    """What prediction needs of a net; the layers of its training name places on this machine."""
    found = NetParameter()
    found.CopyFrom(net)
    found.ClearField("layer")
    found.dataset.ClearField("source")
    return found
