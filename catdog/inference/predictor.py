"""A trained net and photos to probabilities, prepared as the training was."""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from os import PathLike
from pathlib import Path
from typing import Any, Self, cast, overload

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from catdog.data.datum import blob_to_array
from catdog.data.images import Pixels, Readable, Unreadable, load
from catdog.data.test_time import views_of
from catdog.data.transform import Draw, Picture
from catdog.engines.engine import InferenceEngine, Task
from catdog.engines.table import TORCH
from catdog.errors import CatdogError, DataError, WeightsError
from catdog.inference.calibration import apply_temperature
from catdog.inference.engine_choice import Asked, ChosenEngine, choose
from catdog.inference.foreign import Foreignness
from catdog.inference.given_pictures import GivenPicture, is_one, readables
from catdog.inference.heads import Head, heads_of, renamed
from catdog.inference.named_weights import HasWeights, weights_of_run
from catdog.inference.photo_prediction import PhotoPrediction, photo_predictions, told_apart
from catdog.inference.preparation import (
    check_classifies,
    dataset_of,
    deploy_of,
    input_of,
    transform_of,
)
from catdog.inference.trust import Trust
from catdog.layers.base import Setting
from catdog.net.batch_statistics import (
    by_batch,
    changed_for_single_photos,
    check_stored,
    for_single_photos,
)
from catdog.net.net import Net
from catdog.proto.caffe_pb2 import TEST, DatasetParameter, NetParameter
from catdog.runtime.devices import device_named
from catdog.runtime.parallel import in_order
from catdog.solver.solverstate import best_of_run
from catdog.spec import filter_net, net_state
from catdog.spec.shape import Shape
from catdog.weights import Weights, copy_weights, read_weights
from catdog.weights.published import published_weights

_Located = Callable[[], AbstractContextManager[None]]
Probabilities = NDArray[np.float32]

BATCH = 64
_ROUNDING = 1e-3


@dataclass(frozen=True)
class Prediction:
    """A photo and the probability of each class; `others` are of the net's further heads.

    `foreign` is there where photos are refused that show none of the classes.
    """

    path: Readable
    probabilities: Probabilities
    others: tuple[Probabilities, ...] = ()
    foreign: Foreignness | None = None

    @property
    def is_refused(self) -> bool:
        """Whether the photo shows none of the classes."""
        return self.foreign is not None and self.foreign.is_refused

    @property
    def rows(self) -> tuple[Probabilities, ...]:
        """The probabilities of each head of the net."""
        return self.probabilities, *self.others

    @property
    def label(self) -> int:
        """The number of the most probable class."""
        return int(self.probabilities.argmax())


Outcome = Prediction | Unreadable
"""What becomes of a photo."""


class Predictor:
    """A deploy net with its weights and the preparation of its photos.

        predictor = catdog.Predictor.load("snapshots/quick")
        predictor("a.jpg").label                    # "cat"
        [each.label for each in predictor(["a.jpg", "b.jpg"])]

    Args:
        weights: parameters; their `net` carries dataset, mean and deploy net of a snapshot.
        deploy: the deploy net where the weights carry none.
        dataset: how to prepare photos where the weights do not carry it.
        mean: the mean picture, channels x height x width, where the weights carry none and the
            net names a mean file.
        views: test-time augmentation whose probabilities are averaged, a key of
            `catdog.data.test_time.VIEWS`; empty for the net's own view alone.
        amp: mixed precision, a name of `catdog.solver.precision.NAMES`; empty for float32; with
            another engine also "int8".
        labels: names of the classes in place of those of the data set.
        scores: take a net that ends in scores of its classes, without probabilities.
        engine: what computes the net: "torch", "openvino", "onnxruntime", or "auto" for the
            fastest of them.
        examples: photos on which an engine is compared with torch, and int8 is calibrated.
        coverage: make sets of classes that hold the right one so often, by what the weights carry;
            0 for none.
        reject: refuse what is more foreign than this share of known photos, by what the weights
            carry; 0 to refuse none. By torch alone.

    `heads` are what the net tells of a photo. `temperature` is that of the weights, for the first
    head; 1 leaves probabilities as they are. Raises WeightsError when something is neither carried
    nor given, and what `heads_of` raises.
    """

    def __init__(
        self,
        weights: Weights,
        *,
        deploy: NetParameter | None = None,
        dataset: DatasetParameter | None = None,
        mean: NDArray[np.float32] | None = None,
        device: torch.device | str = "cpu",
        views: str = "",
        amp: str = "",
        labels: Sequence[str] | None = None,
        scores: bool = False,
        provide_caffe: Callable[[], object] | None = None,
        engine: str = TORCH,
        examples: Sequence[Readable] = (),
        coverage: float = 0.0,
        reject: float = 0.0,
    ) -> None:
        _check_weights(weights)
        self.device = device_named(device, "device")
        # a net that is given has places of its own
        self._located: _Located = weights.located if deploy is None else nullcontext
        carried = weights.as_net() if deploy is None else weights.net
        with self._located():
            message = filter_net(deploy or deploy_of(carried), net_state(TEST))
            self._remarks = changed_for_single_photos(message)
            self.net = _opened(message, weights, provide_caffe).place(self.device)
            self.input = input_of(message)
            self.dataset = dataset or dataset_of(carried)
            self.transform = transform_of(self.input, _mean_of(carried) if mean is None else mean)
            #: Channels, height and width of a prepared photo.
            self.stored = self._stored_shape()
            self._asked_views = views_of(views, self.stored, self.net.inputs[self.input.name][1:])
            #: What the weights carry of how far their probabilities can be trusted.
            self.temperature, self.confidence = carried.temperature, carried.confidence
            self.heads = self._heads(carried, labels, scores=scores)
            trust = Trust(coverage, reject, views, engine)
            self.heads[0], self._foreign = trust.of(self.heads[0], self.confidence, self.net)
            #: What computes the net, its name, and lines about it.
            self.engine = self._chosen(engine, amp, examples)

    def _heads(
        self, carried: NetParameter, labels: Sequence[str] | None, *, scores: bool
    ) -> list[Head]:
        found = heads_of(self.net, carried, self.dataset.class_name)
        heads = [replace(head, scores=head.scores and scores) for head in found]
        return heads if labels is None else renamed(heads, labels)

    def _chosen(self, name: str, amp: str, examples: Sequence[Readable]) -> ChosenEngine:
        more = (self._foreign.blob,) if self._foreign else ()
        task = Task(self.net, self.input.name, (*(head.blob for head in self.heads), *more))
        asked = Asked(name, amp, task, self.device, self.heads)
        return choose(asked, partial(self._prepared, examples), len(examples), self._computed)

    def _prepared(self, photos: Sequence[Readable], count: int) -> Tensor:
        """So many of the photos, from everywhere among them, without those that cannot be read."""
        count = min(count, len(photos))
        chosen = (photos[at * len(photos) // count] for at in range(count))
        found = [each for each in in_order(self._read, chosen) if not isinstance(each, Unreadable)]
        return self._batch(*next(self._views(found))) if found else torch.zeros(0)

    @classmethod
    def load(cls, source: str | PathLike[str] | HasWeights, **options: Any) -> Self:
        """The predictor of a weight file, of a run, or of the newest run below a folder.

        `source` is a file, a run (`catdog.Run`, or its snapshot_prefix such as
        "snapshots/quick/deep64"), a folder, or "hf:USER/NAME", what was published on the Hugging
        Face Hub. Of a run its best weights are taken, else its last.
        `options` are those of `Predictor`: device, views, labels and so on. Raises WeightsError
        where there are no weights, or none that carry how their photos are prepared.
        """
        named = source if isinstance(source, str | PathLike) else getattr(source, "weights", None)
        if not isinstance(named, str | PathLike):
            what = f"{type(source).__name__} has no weights"
            raise CatdogError(what, remedy="give a weight file, a run, its prefix, or a folder")
        return cls(read_weights(weights_below(named) or Path(named)), **options)

    @overload
    def __call__(  # type: ignore[overload-overlap]  # a text is a path, no sequence of letters
        self, photos: GivenPicture
    ) -> PhotoPrediction: ...

    @overload
    def __call__(self, photos: Iterable[GivenPicture]) -> list[PhotoPrediction | Unreadable]: ...

    def __call__(
        self, photos: GivenPicture | Iterable[GivenPicture]
    ) -> PhotoPrediction | list[PhotoPrediction | Unreadable]:
        """What the net says of a photo, or of each of several, prepared as those of the training.

        A photo is a path, the bytes of a file, an open file, a picture of Pillow's, or an array,
        height x width x 3, RGB, uint8 (grey without the 3); several are a list of these, or an
        array with one axis more. A photo that cannot be read raises Unreadable, a DataError; among
        several its Unreadable stands in its place, with the reason, and the others are predicted.
        """
        if is_one(photos):
            (found,) = self._said([photos])
            if isinstance(found, Unreadable):
                raise found
            return found
        return self._said(cast(Iterable[GivenPicture], photos))

    def _said(self, photos: Iterable[Any]) -> list[PhotoPrediction | Unreadable]:
        with closing(self.batches(readables(photos))) as batches:
            return [
                each
                if isinstance(each, Unreadable)
                else photo_predictions(str(each.path), each.rows, self.heads, each.foreign)
                for batch in batches
                for each in batch
            ]

    @property
    def members(self) -> list["Predictor"]:
        """Itself, the only one; an ensemble has several."""
        return [self]

    @property
    def notes(self) -> list[str]:
        """Lines on what computes the net, and on what the net does otherwise than its text says."""
        return [*self._remarks, *self.engine.notes]

    @property
    def classes(self) -> list[str]:
        """Names of the classes of the first head, or their numbers where they have no names."""
        return list(self.heads[0].names)

    def _stored_shape(self) -> Shape:
        """The shape of stored photos; raises DataError where it does not fit the net."""
        channels = 1 if self.dataset.channel_order == DatasetParameter.GRAY else 3
        stored = (channels, self.dataset.height, self.dataset.width)
        wanted = self.net.inputs[self.input.name][1:]
        if not all(stored):
            raise DataError("the data set has no one size", remedy="build it with a size")
        given = self.transform.shape(stored)
        if given != wanted:
            raise DataError(
                f"photos become {list(given)}, the net takes {list(wanted)}",
                remedy="use the dataset.yaml and the net of one training",
            )
        return stored

    def predict(
        self, photos: Sequence[Readable], skipped: list[Unreadable] | None = None
    ) -> Iterator[Prediction]:
        """Predictions in the order of the photos; unreadable ones are added to `skipped`."""
        with closing(self.batches(photos)) as batches:
            for batch in batches:
                if skipped is not None:
                    skipped += [found for found in batch if isinstance(found, Unreadable)]
                yield from (found for found in batch if not isinstance(found, Unreadable))

    def batches(self, photos: Sequence[Readable]) -> Generator[list[Outcome], None, None]:
        """What becomes of each BATCH photos, in their order: predictions, or why there are none."""
        with closing(in_order(self._read, photos)) as read:
            pairs = zip(photos, read, strict=True)
            while chunk := list(islice(pairs, BATCH)):
                found = self._predictions(
                    [(path, pixels) for path, pixels in chunk if not isinstance(pixels, Unreadable)]
                )
                yield [each if isinstance(each, Unreadable) else next(found) for _, each in chunk]

    def _read(self, path: Readable) -> Pixels | Unreadable:
        try:
            return load(path, self.dataset)
        except Unreadable as error:
            return error

    def _predictions(self, pictures: Sequence[tuple[Readable, Pixels]]) -> Iterator[Prediction]:
        if pictures:
            found = self.rows([pixels for _, pixels in pictures])
            for index, (path, _) in enumerate(pictures):
                (first, *others), foreign = told_apart([each[index] for each in found], self.heads)
                yield Prediction(path, first, tuple(others), foreign)

    def probabilities(self, pictures: Sequence[Picture]) -> Probabilities:
        """Probabilities of each class of the first head for prepared planes, pictures x classes."""
        return self.rows(pictures)[0]

    def rows(self, pictures: Sequence[Picture]) -> list[Probabilities]:
        """Of each head, for prepared planes, pictures x classes; where photos are refused then how
        foreign each is, pictures x 1. Raises CatdogError where they are no probabilities."""
        views = [
            self._computed(self.engine.engine, self._batch(*view)) for view in self._views(pictures)
        ]
        return self._checked(
            [np.mean(of_head, axis=0, dtype=np.float32) for of_head in zip(*views, strict=True)]
        )

    def averaged(self, engine: InferenceEngine, pictures: Sequence[Picture]) -> list[Probabilities]:
        """The outputs of an engine for prepared planes, each the mean over the views."""
        views = [engine(self._batch(*view)) for view in self._views(pictures)]
        return [
            torch.stack(of_output).mean(0).float().cpu().numpy()
            for of_output in zip(*views, strict=True)
        ]

    def prepared(self, photo: Readable) -> tuple[Pixels, Tensor]:
        """A photo as the net gets it: its pixels, height x width x 3 (BGR), and a batch of one.

        Of several views it is the first. Raises Unreadable for what is no photo.
        """
        return self.seen(load(photo, self.dataset))

    def seen(self, planes: Picture) -> tuple[Pixels, Tensor]:
        """The same for prepared planes, channels x height x width; numbers that are no uint8 are
        stretched to what can be shown."""
        seen, draw = next(self._views([planes]))
        cut = self.transform.gather(seen, draw)
        pixels = _shown(cut[0].permute(1, 2, 0).numpy())
        if self.dataset.channel_order != DatasetParameter.BGR:
            # red first, or one grey plane
            pixels = np.ascontiguousarray(
                np.broadcast_to(pixels, (*pixels.shape[:2], 3))[..., ::-1]
            )
        return pixels, self.transform.apply(cut.to(self.device), draw)

    def judged(self, batch: Tensor) -> list[Probabilities]:
        """Of each head, for what the net gets: N x channels x height x width. Raises as `rows`."""
        return self._checked(self._computed(self.engine.engine, batch))

    def _checked(self, rows: list[Probabilities]) -> list[Probabilities]:
        """Probabilities with the temperature of the weights, and scores of what is foreign."""
        with self._located():
            for head, found in zip(self.heads, rows, strict=False):
                _check(head, found)
        if self._foreign:
            rows[-1] = self._foreign.of(rows[-1])[:, None]
        if self.temperature != 1 and not (self.heads[0].several or self.heads[0].scores):
            rows[0] = apply_temperature(rows[0], self.temperature).astype(np.float32)
        return rows

    def _views(self, pictures: Sequence[Picture]) -> Iterator[tuple[Sequence[Picture], Draw]]:
        """The pictures of each view, and how they are cut out."""
        if not self._asked_views:
            shapes = [picture.shape for picture in pictures]
            yield pictures, self.transform.draw(shapes, torch.Generator())
        for view in self._asked_views:
            yield [view.of(picture) for picture in pictures], (view.cut,) * len(pictures)

    def _batch(self, pictures: Sequence[Picture], draw: Draw) -> Tensor:
        return self.transform.apply(self.transform.gather(pictures, draw).to(self.device), draw)

    def _computed(self, engine: InferenceEngine, batch: Tensor) -> list[Probabilities]:
        """What each head says of prepared pictures."""
        outputs = engine(batch)
        found = [
            (output if head.several else both_classes(output)).float().cpu().numpy()
            for head, output in zip(self.heads, outputs, strict=False)
        ]
        return [*found, *(each.float().cpu().numpy() for each in outputs[len(found) :])]


def _mean_of(carried: NetParameter) -> NDArray[np.float32] | None:
    return blob_to_array(carried.mean).squeeze(0) if carried.HasField("mean") else None


def _shown(picture: NDArray[Any]) -> Pixels:
    """A picture of its own in uint8, the least number black and the largest white."""
    if picture.dtype == np.uint8:
        return picture.copy()
    low, high = float(picture.min()), float(picture.max())
    return cast(Pixels, ((picture - low) * (255 / ((high - low) or 1))).astype(np.uint8))


def _check_weights(weights: object) -> None:
    if not isinstance(weights, Weights):
        what = f"a predictor is made of weights that were read, not of {type(weights).__name__}"
        raise CatdogError(what, remedy="use Predictor.load: it takes files, runs and folders")


def _opened(
    deploy: NetParameter, weights: Weights, provide_caffe: Callable[[], object] | None
) -> Net:
    check_classifies(deploy)
    net = Net(for_single_photos(deploy), setting=Setting(provide_caffe=provide_caffe))
    copy_weights(net, weights, strict=True)
    check_stored(net, by_batch(deploy), weights.source)
    return net.requires_grad_(False)


def _check(head: Head, found: Probabilities) -> None:
    if not np.isfinite(found).all():
        raise DataError("the net gives probabilities that are no numbers", remedy="train it anew")
    if head.scores:
        return
    low, high = float(found.min()), float(found.max())
    if low < -_ROUNDING or high > 1 + _ROUNDING:
        raise CatdogError(
            f"the net's {head.blob} has numbers from {low:.4g} to {high:.4g}: no probabilities",
            remedy="end the net in a Softmax or a Sigmoid called prob",
        )


def both_classes(output: Tensor) -> Tensor:
    """Probabilities of each class, N x classes, also from a single sigmoid output, N x 1."""
    return torch.cat((1 - output, output), dim=1) if output.shape[1] == 1 else output


def weights_below(place: str | PathLike[str]) -> Path | None:
    """The best weights of a run, by its prefix, or of the newest run below a folder, or those that
    were published in a folder or as hf:USER/NAME; else None.

    Raises WeightsError for a folder without weights, and as `published_weights`.
    """
    found = published_weights(str(place)) or weights_of_run(Path(place))
    return found or (newest_weights(Path(place)) if Path(place).is_dir() else None)


def newest_weights(folder: str | Path) -> Path:
    """The weights of the run below a folder that wrote last: its best, else its newest.

    Raises WeightsError where there are no weights.
    """
    files = (path for ending in ("", ".h5") for path in Path(folder).rglob(f"*.caffemodel{ending}"))
    found = [path for path in files if path.name[0] != "."]
    if not found:
        raise WeightsError(
            "no snapshot here",
            where=str(folder),
            remedy="train first (catdog train --solver quick) or name one with --weights",
        )
    # a moving average is written after the weights that it belongs to
    return best_of_run(max(found, key=lambda path: (path.stat().st_mtime_ns, "_ema." in path.name)))
