"""`catdog.build_stores`: photos to LMDBs."""

from os import PathLike
from pathlib import Path
from typing import cast

from catdog.data.build.dataset import BuildReport, LabelFiles, create
from catdog.errors import CatdogError, did_you_mean
from catdog.proto.caffe_pb2 import DatasetParameter


def build_stores(
    photos: str | PathLike[str],
    out: str | PathLike[str] = "input",
    *,
    size: int = 227,
    equalize: bool = True,
    resize: str = "stretch",
    gray: bool = False,
    validation: float | None = None,
    seed: int = 0,
    resume: bool = False,
    review: str | PathLike[str] | None = None,
) -> BuildReport:
    """Photos to train_lmdb, validation_lmdb and mean.binaryproto, as `tools/create_lmdb.py` does.

        print(catdog.build_stores("photos", "input", size=64))

    Gives a report whose text is a table of what was built and skipped. Raises DataError.

    Args:
        photos: a folder of any layout that docs/data.md tells.
        out: where the stores go.
        size: width and height of a stored picture, in pixels.
        equalize: make the histogram of each channel even.
        resize: what is done to other proportions: "stretch", "pad" or "crop".
        gray: one channel instead of blue, green and red.
        validation: a share of each class, 0.1, or a number of photos; by default every sixth.
        seed, resume: of the shuffled order; go on with a build that was interrupted.
        review: a file of decisions on photos (docs/data.md).
    """
    record = _preparation(size, resize, equalize=equalize, gray=gray)
    record.seed = seed
    if validation is None:
        record.validation_every = 6
    else:
        record.validation = validation
    return create(str(photos), str(out), record, files=_files(review), resume=resume)


def _preparation(size: int, resize: str, *, equalize: bool, gray: bool) -> DatasetParameter:
    return DatasetParameter(
        width=size,
        height=size,
        equalize=equalize,
        interpolation=DatasetParameter.CUBIC,
        resize=_resize(resize),
        channel_order=DatasetParameter.GRAY if gray else DatasetParameter.BGR,
    )


def _files(review: str | PathLike[str] | None) -> LabelFiles:
    return LabelFiles(review=None if review is None else Path(review))


def _resize(word: str) -> DatasetParameter.Resize:
    known = DatasetParameter.Resize.keys()
    if word.upper() not in known:
        remedy = did_you_mean(word, map(str.lower, known)) or "stretch, pad or crop"
        raise CatdogError(f'"{word}" is no way to resize', remedy=remedy)
    return cast("DatasetParameter.Resize", DatasetParameter.Resize.Value(word.upper()))
