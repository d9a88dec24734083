"""The first pictures that a training sees: as the net gets them, back in pixels, named."""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from catdog.data.class_names import picture_names
from catdog.data.feed import Feed
from catdog.data.preprocessing import dataset_of
from catdog.data.sources.picture_source import PictureSource
from catdog.proto.caffe_pb2 import DatasetParameter

#: Pixels of the side of a picture, at least, so that its name can be read below it.
_SIDE, _LINE = 96, 18


class NamedPicture(NamedTuple):
    """A picture in RGB, height x width x 3, and the name of its class."""

    pixels: NDArray[np.uint8]
    name: str


def first_pictures(feed: Feed, most: int) -> list[NamedPicture]:
    """The next batch of the first layer with pictures, which stays the next; none where none has.

    To be called while nobody reads from the feed.
    """
    source = next((s for s in feed.sources if isinstance(s, PictureSource)), None)
    if source is None:
        return []
    state = source.state()
    batch = source.next()
    source.load_state(state)
    blobs = source.finish(batch)
    numbers = source.transform.restore(blobs[source.tops[0]], batch.draw or ()).cpu().numpy()
    if numbers.shape[1] not in (1, 3):
        return []
    labels = blobs[source.tops[1]].cpu().numpy() if len(source.tops) > 1 else None
    dataset = dataset_of(source.layer, source.context.locate) or DatasetParameter()
    rgb = dataset.channel_order == DatasetParameter.RGB
    mixed = batch.changes.mixed if batch.changes else None
    names = picture_names(
        labels, mixed, len(numbers), dataset.class_name, vectors=source.has_vectors
    )
    pairs = zip(numbers[:most], names, strict=False)
    return [NamedPicture(_rgb(picture, rgb), name) for picture, name in pairs]


def _rgb(picture: NDArray[np.float32], rgb: bool) -> NDArray[np.uint8]:
    pixels = np.clip(np.rint(picture), 0, 255).astype(np.uint8).transpose(1, 2, 0)
    if pixels.shape[2] == 1:
        return np.repeat(pixels, 3, axis=2)
    return np.ascontiguousarray(pixels if rgb else pixels[..., ::-1])


def sheet(shown: Sequence[NamedPicture], columns: int = 8) -> NDArray[np.uint8]:
    """Pictures of one size as one, each above its name; height x width x 3."""
    cells = [_cell(each) for each in shown]
    columns = min(columns, len(cells))
    blank = np.full_like(cells[0], 255)
    cells += [blank] * (-len(cells) % columns)
    rows = [np.hstack(cells[i : i + columns]) for i in range(0, len(cells), columns)]
    return np.vstack(rows)


def _cell(shown: NamedPicture) -> NDArray[np.uint8]:
    height, width = shown.pixels.shape[:2]
    times = max(1, -(-_SIDE // min(height, width)))
    large = shown.pixels.repeat(times, 0).repeat(times, 1)
    line = np.full((_LINE, large.shape[1], 3), 255, np.uint8)
    cv2.putText(line, shown.name, (2, 13), *_FONT)
    cell = np.vstack([large, line])
    return np.pad(cell, ((2, 2), (2, 2), (0, 0)), constant_values=255)


#: Face, size, color, thickness, smooth edges.
_FONT = (cv2.FONT_HERSHEY_SIMPLEX, 0.42, (40, 40, 40), 1, cv2.LINE_AA)
