"""An LMDB of photos as a torch Dataset."""

import os
from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from catdog.data.datum import Example, read_example
from catdog.data.mean import read_mean
from catdog.data.preprocessing import dataset_at
from catdog.data.records import Records
from catdog.data.shards import open_records
from catdog.data.transform import Transform
from catdog.errors import CatdogError
from catdog.net.from_spec import phase_of
from catdog.net.resolved import resolve
from catdog.proto.caffe_pb2 import DatasetParameter, LayerParameter, NetParameter, Phase
from catdog.spec import Spec, net_state, read_net
from catdog.spec.shipped import find_net

#: A picture, C x H x W, and its label: a number, or float32 of several labels.
Item = tuple[Any, int | Tensor]


class PhotoStore(Dataset[Item]):
    """The photos of an LMDB and their labels, by position; see `open_store`.

    `classes` are the names of the labels, empty where none are recorded beside the LMDB; `dataset`
    is that record: how the photos were prepared. The processes of a DataLoader may read it too:
    one that is forked goes on with the files, which are open for reading alone and without a lock;
    one that gets it pickled opens them for itself.
    """

    def __init__(
        self,
        path: Path,
        transform: Callable[[Tensor], Any] | None = None,
        preparation: "StoredPreparation | None" = None,
    ) -> None:
        self.path, self.transform = path, transform
        self._preparation = preparation
        self._reader: Records | None = None
        self._size = len(self._opened())
        self.dataset = dataset_at(path) or DatasetParameter()
        self.classes = list(self.dataset.class_name)
        first = self.example(0).array
        if preparation:
            preparation.check(first.shape, path)
        self._shape = first.shape

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, index: int) -> Item:
        """The picture at a position, and its label. IndexError beyond the end."""
        example = self.example(index)
        picture = self._prepared(example.array)
        label: int | Tensor = example.label
        if example.labels is not None:
            label = torch.from_numpy(example.labels.copy())
        return (self.transform(picture) if self.transform else picture), label

    def example(self, index: int) -> Example:
        """What is stored at a position, as it is stored: BGR, where colours are."""
        at = index + self._size if index < 0 else index
        if not 0 <= at < self._size:
            raise IndexError(f"{index} of {self._size} photos in {self.path}")
        return read_example(self._opened().get(at))

    def key(self, index: int) -> str:
        """The key at a position: a number and, in a store that catdog built, the photo's path."""
        return self._opened().keys[index].decode(errors="replace")

    def __repr__(self) -> str:
        shape = " x ".join(map(str, self._shape))
        classes = f", {len(self.classes)} classes" if self.classes else ""
        return f"<PhotoStore {self.path}: {self._size} of {shape}{classes}>"

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_reader": None}

    def _opened(self) -> Records:
        if self._reader is None:
            self._reader = open_records(self.path)
        return self._reader

    def _prepared(self, array: NDArray[Any]) -> Tensor:
        if self._preparation:
            return self._preparation(array)
        colors = array.dtype == np.uint8 and array.shape[0] == 3
        turned = colors and self.dataset.channel_order != DatasetParameter.RGB
        # a copy: what is read belongs to the store
        return torch.from_numpy(np.array(array[::-1] if turned else array, order="C"))


class StoredPreparation:
    """What the data layer of a net does to a stored picture; it can be pickled."""

    def __init__(self, layer: LayerParameter, phase: Phase, mean: Any) -> None:
        self._layer, self._phase, self._mean = layer, phase, mean
        self._transform: Transform | None = None

    def check(self, shape: tuple[int, ...], path: Path) -> None:
        """Raise DataError where pictures of this shape do not fit."""
        self._made().shape(shape, str(path))

    def __call__(self, array: NDArray[Any]) -> Tensor:
        """The picture as the net takes it, C x H x W, float32; draws from torch's generator."""
        transform = self._made()
        draw = transform.draw([array.shape], torch.default_generator)
        # a copy: the transformation uses its memory again
        return transform.apply(transform.gather([array], draw), draw)[0].clone()

    def _made(self) -> Transform:
        if self._transform is None:
            self._transform = Transform(self._layer, self._phase, mean=self._mean)
        return self._transform

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_transform": None}


def open_store(
    path: str | PathLike[str],
    transform: Callable[[Tensor], Any] | None = None,
    *,
    prepared_for: str | PathLike[str] | Spec[NetParameter] | None = None,
    phase: str = "TEST",
) -> PhotoStore:
    """The photos of an LMDB as a torch Dataset of (picture, label).

        store = catdog.open_store("input/train_lmdb")
        picture, label = store[0]               # uint8, 3 x H x W, RGB; the number of its class
        loader = torch.utils.data.DataLoader(store, batch_size=64, shuffle=True, num_workers=2)

    Args:
        path: the folder of the LMDB, or what else names LMDBs: a folder of shards, a pattern.
        transform: is given each picture, as those of torchvision are; what it gives is the item.
        prepared_for: a net, its file or what `read_net` gives: pictures are then what its data
            layer makes of them, float32 in the stored order of channels (BGR), mean subtracted,
            scaled, cropped.
        phase: whose data layer that is. In "TRAIN" crops and mirroring are drawn anew each time,
            from torch's generator.

    Without `prepared_for` pictures are as they are stored, uint8, but RGB as torchvision wants
    them; several labels are a float32 tensor. Raises DataError where there is no such LMDB, and
    where its pictures do not fit the net.
    """
    if prepared_for is None:
        return PhotoStore(Path(path), transform)
    spec = (
        prepared_for
        if isinstance(prepared_for, Spec)
        else read_net(find_net(os.fspath(prepared_for)))
    )
    return PhotoStore(Path(path), transform, _preparation(spec, phase))


def _preparation(spec: Spec[NetParameter], phase: str) -> StoredPreparation:
    number = phase_of(phase)
    net = resolve(spec, net_state(number))
    if not net.data_layers:
        what = f"has no data layer in the {phase} phase, which would say how photos are prepared"
        raise CatdogError(what, where=str(spec.path))
    transforming = [layer for layer in net.data_layers if layer.HasField("transform_param")]
    layer = LayerParameter()
    layer.CopyFrom((transforming or net.data_layers)[0])
    if phase == "TRAIN" and layer.transform_param.HasField("augment_param"):
        raise CatdogError(
            "augment_param is drawn for whole batches",
            where=spec.where(layer.name),
            remedy='take phase="TEST" with transforms of torchvision, or catdog.train',
        )
    named = layer.transform_param.mean_file
    layer.transform_param.ClearField("mean_file")
    with net.located():
        return StoredPreparation(layer, number, read_mean(net.locate(named)) if named else None)
