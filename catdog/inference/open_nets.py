"""One or several weight files to what predicts photos."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from catdog.data.class_names import read_class_names
from catdog.data.images import Readable
from catdog.data.mean import read_mean
from catdog.data.store_names import is_store
from catdog.engines.table import TORCH
from catdog.errors import CatdogError, WeightsError
from catdog.inference.ensemble import Ensemble
from catdog.inference.predictor import Predictor, weights_below
from catdog.proto.caffe_pb2 import DatasetParameter, NetParameter
from catdog.runtime.checksum import sha256_of
from catdog.spec import read_message, read_net
from catdog.weights import read_weights, weight_file


@dataclass(frozen=True)
class NetOptions:
    """How weights are opened.

    Args:
        model, dataset, mean, labels: files of what the weights do not carry, or carry otherwise.
        device, views, amp, scores, provide_caffe, engine, examples, coverage, reject: as of
            `Predictor`.
    """

    model: str | None = None
    dataset: str | None = None
    mean: str | None = None
    labels: str | None = None
    device: torch.device | str = "cpu"
    views: str = ""
    amp: str = ""
    scores: bool = False
    provide_caffe: Callable[[], object] | None = None
    engine: str = TORCH
    examples: Sequence[Readable] = ()
    coverage: float = 0.0
    reject: float = 0.0

    def open(self, weights: Path, dataset: DatasetParameter | None = None) -> Predictor:
        """The predictor of a weight file; `dataset` is for one that carries none."""
        found = read_weights(weights)
        own = found.net.HasField("dataset")
        return Predictor(
            found,
            deploy=self._deploy,
            dataset=self._dataset or (None if own else dataset),
            mean=self._mean,
            device=self.device,
            views=self.views,
            amp=self.amp,
            labels=self._labels,
            scores=self.scores,
            provide_caffe=self.provide_caffe,
            engine=self.engine,
            examples=self.examples,
            coverage=self.coverage,
            reject=self.reject,
        )

    def open_all(self, weights: Sequence[Path]) -> Predictor | Ensemble:
        """The predictor of a weight file, or the mean of several; see `Ensemble`."""
        if (self.coverage or self.reject) and len(weights) > 1:
            flag = "--coverage" if self.coverage else "--reject"
            what = "weights are calibrated one by one, not the mean of several"
            raise CatdogError(what, where=flag, remedy="name one file in --weights")
        members = [self.open(path) for path in weights]
        return members[0] if len(members) == 1 else Ensemble(members, list(map(str, weights)))

    def contents(self) -> list[bytes]:
        """What the files hold that are given, each empty where it is not."""
        given = (self.model, self.dataset, self.mean, self.labels)
        return [Path(name).read_bytes() if name else b"" for name in given]

    @cached_property
    def _deploy(self) -> NetParameter | None:
        return read_net(self.model).message if self.model else None

    @cached_property
    def _dataset(self) -> DatasetParameter | None:
        return read_message(self.dataset, DatasetParameter()).message if self.dataset else None

    @cached_property
    def _mean(self) -> NDArray[np.float32] | None:
        return read_mean(self.mean) if self.mean else None

    @cached_property
    def _labels(self) -> list[str] | None:
        return read_class_names(self.labels) if self.labels else None


def weights_named(name: str) -> Path:
    """The file of a name: its own, the best of a run or a folder of runs, or as `weight_file`."""
    return (None if is_store(Path(name)) else weights_below(name)) or weight_file(name)


def named_weights(text: str) -> list[Path]:
    """The weight files of a word: one name, or several with commas between them.

    Raises WeightsError for an empty name, and as `weights_named`.
    """
    if Path(text).is_file():
        return [Path(text)]
    names = text.split(",")
    if not all(name.strip() for name in names):
        remedy = "write FILE, or FILE,FILE for the mean of several nets"
        raise WeightsError(f'"{text}" has an empty name', where="--weights", remedy=remedy)
    return [weights_named(name) for name in names]


def digest_of_weights(paths: Sequence[Path]) -> str:
    """A digest of the files: of one its own, of several that of all, in their order."""
    first, *others = [sha256_of(path).hex() for path in paths]
    return sha256("".join([first, *others]).encode()).hexdigest() if others else first
