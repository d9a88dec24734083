"""What a page's form asks of `catdog create_lmdb`, as its words and as what it records."""

from collections.abc import Sequence
from dataclasses import dataclass

from catdog.errors import CatdogError
from catdog.proto.caffe_pb2 import DatasetParameter

#: Pixels of a side, at most: no net takes more, and a preview would hold them all.
_LARGEST = 4096
_MOST_SHARDS = 10_000


@dataclass(frozen=True)
class StoreSettings:
    """What is asked for; the defaults are those of the command line.

    Args:
        width, height: pixels of the stored photos.
        resize: how photos of other proportions fit: STRETCH, PAD or CROP.
        equalize: whether the histogram of each channel is made even.
        interpolation: NEAREST, LINEAR, CUBIC or AREA.
        gray: one channel.
        encoded: empty for pixels, JPEG or KEEP for files.
        quality: of JPEGs, 1 to 100.
        validation: which share of each class is set apart, 0 to below 1.
        seed: of the shuffled order.
        shards: into how many parts each store is divided; 0: it is not.
    """

    width: int = 227
    height: int = 227
    resize: str = "STRETCH"
    equalize: bool = True
    interpolation: str = "CUBIC"
    gray: bool = False
    encoded: str = ""
    quality: int = 95
    validation: float = 1 / 6
    seed: int = 0
    shards: int = 0

    def __post_init__(self) -> None:
        """Raises CatdogError, with the field, for what no store can be."""
        _check_range("width", self.width, 1, _LARGEST)
        _check_range("height", self.height, 1, _LARGEST)
        _check_range("quality", self.quality, 1, 100)
        _check_range("seed", self.seed, 0, 2**32 - 1)
        _check_range("shards", self.shards, 0, _MOST_SHARDS)
        _check_one("resize", self.resize, DatasetParameter.Resize.keys())
        _check_one("interpolation", self.interpolation, DatasetParameter.Interpolation.keys())
        _check_one("encoded", self.encoded, ["", *DatasetParameter.Encoding.keys()[1:]])
        if not 0 <= self.validation < 1:
            raise CatdogError(
                f"{self.validation:g} is no share of the photos",
                where="validation",
                remedy="a number from 0 to below 1",
            )

    @property
    def keeps(self) -> bool:
        """Whether the photos' own files are stored, as they are."""
        return self.encoded == "KEEP"

    def dataset(self) -> DatasetParameter:
        """What the store would record of the preparation of its photos."""
        if self.keeps:
            return DatasetParameter(encoding=self.encoded)
        jpegs = self.encoded == "JPEG"
        return DatasetParameter(
            width=self.width,
            height=self.height,
            equalize=self.equalize,
            interpolation=self.interpolation,
            resize=self.resize,
            encoding=self.encoded or None,
            quality=self.quality if jpegs else None,
            channel_order=DatasetParameter.GRAY if self.gray else DatasetParameter.BGR,
        )


def build_words(
    data: str,
    out: str,
    asked: StoreSettings,
    labels: Sequence[str] = (),
    *,
    apart: bool = False,
) -> list[str]:
    """The words of `catdog create_lmdb` that build a store.

    Args:
        data: the photos.
        out: the folder of the store.
        labels: words that name a list or a table, where photos are not known by their folders.
        apart: the photos for validation came apart.
    """
    words = ["--data", data, "--out", out, *labels]
    if not asked.keeps:
        words += _size(asked)
        usual = StoreSettings()
        for name in ("resize", "interpolation"):
            if getattr(asked, name) != getattr(usual, name):
                words += [f"--{name}", getattr(asked, name).lower()]
        words += ["--no-equalize"] * (not asked.equalize) + ["--gray"] * asked.gray
    if asked.encoded:
        words += ["--encoded", asked.encoded.lower()]
    if asked.encoded == "JPEG":
        words += ["--quality", str(asked.quality)]
    words += [] if apart else ["--validation", f"{asked.validation:.6g}"]
    words += ["--seed", str(asked.seed)] if asked.seed else []
    return words + (["--shards", str(asked.shards)] if asked.shards else [])


def _size(asked: StoreSettings) -> list[str]:
    if asked.width == asked.height:
        return ["--size", str(asked.width)]
    return ["--width", str(asked.width), "--height", str(asked.height)]


def _check_range(name: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise CatdogError(f"{value} is not from {least} to {most}", where=name)


def _check_one(name: str, value: str, known: list[str]) -> None:
    if value not in known:
        words = ", ".join(each for each in known if each)
        raise CatdogError(f'no "{value}"', where=name, remedy=f"one of {words}")
