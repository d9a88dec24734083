"""The words of the commands that a review begins."""

from collections.abc import Sequence
from pathlib import Path

from catdog.data.archives import is_packed
from catdog.data.build.folder_layouts import has_test
from catdog.errors import CatdogError
from catdog.proto.caffe_pb2 import DatasetParameter
from catdog.studio.store_words import StoreSettings, build_words

_USUAL_EVERY = 6


def find_words(weights: str, data: str, review: str, suspects: int) -> list[str]:
    """The words of `catdog evaluate` that propose photos of `data` into a review."""
    words = ["--weights", word(weights), "--data", word(data), "--review", word(review)]
    return ["evaluate", *words, "--suspects", str(suspects)]


def rebuild_words(dataset: DatasetParameter, source: str, out: str, review: str) -> list[str]:
    """The words of `catdog create_lmdb` that build a store as its record says, with a review.

    Args:
        dataset: the record.
        source: its photos.

    Raises CatdogError for settings that the command line does not have.
    """
    asked = _settings(dataset)
    words = build_words(word(source), word(out), asked, apart=True)
    return ["create_lmdb", *words, *_split(dataset), "--review", word(review)]


def rebuilt_source(dataset: DatasetParameter, folder: Path) -> str:
    """The photos that a store was built of. Raises CatdogError where its record does not tell."""
    source = dataset.source
    remedy = "catdog create_lmdb builds it, with --review and what else it was built with"
    if not source or not (is_packed(source) or (folder / source).is_dir()):
        what = f"was built of {source}, which is no folder here" if source else "has no record"
        raise CatdogError(what, where="the store", remedy=remedy)
    if dataset.count.test and not is_packed(source) and not has_test(folder / source):
        what = "its test photos came from a folder that is not recorded"
        raise CatdogError(what, where="the store", remedy=f"{remedy}: --test too")
    return source


def word(name: str) -> str:
    """The name of a file as a word that is not taken for a flag."""
    return f"./{name}" if name.startswith("-") else name


def _settings(dataset: DatasetParameter) -> StoreSettings:
    encoded = ""
    if dataset.encoding != DatasetParameter.RAW:
        encoded = DatasetParameter.Encoding.Name(dataset.encoding)
    if dataset.channel_order == DatasetParameter.RGB:
        what = "has its channels as RGB, which create_lmdb does not make"
        raise CatdogError(what, where="the store")
    usual = StoreSettings()
    return StoreSettings(
        dataset.width or usual.width,
        dataset.height or usual.height,
        DatasetParameter.Resize.Name(dataset.resize),
        dataset.equalize,
        DatasetParameter.Interpolation.Name(dataset.interpolation),
        dataset.channel_order == DatasetParameter.GRAY,
        encoded,
        dataset.quality or usual.quality,
        seed=dataset.seed,
        shards=dataset.shards,
    )


def _split(dataset: DatasetParameter) -> Sequence[str]:
    """The words that divide the photos as they were."""
    if dataset.HasField("validation"):
        return "--validation", repr(dataset.validation).removesuffix(".0")
    every = dataset.validation_every
    return ("--validation-every", str(every)) if every not in (0, _USUAL_EVERY) else ()
