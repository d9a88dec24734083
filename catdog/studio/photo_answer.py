"""What a net says of photos, for the page and as JSON."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

from pydantic import BaseModel

from catdog.analysis.explanation import layer_to_explain, layers_with_extent
from catdog.analysis.explanation_pictures import enlarged
from catdog.data.images import Pixels, Readable, Unreadable, decode, read_file
from catdog.data.thumbnails import in_base64, thumbnail
from catdog.errors import one_line
from catdog.inference.photo_prediction import PhotoPrediction, photo_predictions
from catdog.inference.predictor import Outcome, Predictor
from catdog.web.photo_size import check_sent

_SIDE, _QUALITY = 480, 85
#: Classes of a photo that are told in JSON; the page shows the first ones.
_TOLD = 1000


class SaidClass(BaseModel):
    """A class of a photo: its name, its probability (or score), and that in words."""

    name: str
    value: float
    word: str


class SaidHead(BaseModel):
    """What one output of a net says: its classes, the likeliest first.

    `several`: each is a label of its own; `scores`: the values are no probabilities.
    """

    title: str
    label: str
    labels: list[str]
    several: bool
    scores: bool
    classes: list[SaidClass]


class PhotoAnswer(BaseModel):
    """A photo: what to call it by later, its name, and what the net says, or why it cannot."""

    photo: str
    name: str
    error: str = ""
    heads: list[SaidHead] = []


@dataclass(frozen=True)
class PhotoCard:
    """An answer with pictures: the photo, and as the net sees it, as data: addresses."""

    answer: PhotoAnswer
    picture: str = ""
    seen: str = ""


@dataclass(frozen=True)
class AskedNet:
    """What of a net can be chosen: classes by their heads, layers, the one that is taken."""

    name: str
    width: int
    height: int
    classes: tuple[str, ...]
    layers: tuple[str, ...]
    layer: str


Asked = Sequence[tuple[str, Readable]]


def answers(predictor: Predictor, photos: Asked) -> list[PhotoAnswer]:
    """What the net says of photos, each with the word that it is called by."""
    refused = {at: error for at, (_, photo) in enumerate(photos) if (error := _refused(photo))}
    taken = [photo for at, (_, photo) in enumerate(photos) if at not in refused]
    with closing(predictor.batches(taken)) as batches:
        found = [each for batch in batches for each in batch][::-1]
    return [
        _answer(called, predictor, photo, refused[at] if at in refused else found.pop())
        for at, (called, photo) in enumerate(photos)
    ]


def cards(predictor: Predictor, photos: Asked) -> Iterator[PhotoCard]:
    """The answers with their pictures."""
    for (_, photo), answer in zip(photos, answers(predictor, photos), strict=True):
        if answer.error:
            yield PhotoCard(answer)
        else:
            seen, _ = predictor.prepared(photo)
            picture = thumbnail(decode(read_file(photo)).pixels, _SIDE)
            yield PhotoCard(answer, *(_data(each) for each in (picture, enlarged(seen))))


def facts_of(predictor: Predictor) -> AskedNet:
    """What of a net can be chosen."""
    head, net = predictor.heads[0], predictor.net
    node = layer_to_explain(net, head.blob)
    return AskedNet(
        net.name,
        predictor.dataset.width,
        predictor.dataset.height,
        tuple(dict.fromkeys(name for head in predictor.heads for name in head.names)),
        tuple(dict.fromkeys(layers_with_extent(net, head.blob))),
        node.name if node else "",
    )


def _refused(photo: Readable) -> Unreadable | None:
    try:
        check_sent(photo)
    except Unreadable as error:
        return error
    return None


def _answer(called: str, predictor: Predictor, photo: Readable, found: Outcome) -> PhotoAnswer:
    name = one_line(str(photo))
    if isinstance(found, Unreadable):
        told = f"{found.what}; {found.remedy}" if found.remedy else found.what
        return PhotoAnswer(photo=called, name=name, error=told)
    said = photo_predictions(name, found.rows, predictor.heads)
    heads = {said.head.title: said, **said.others}
    return PhotoAnswer(
        photo=called, name=name, heads=[_head(title, each) for title, each in heads.items()]
    )


def _head(title: str, found: PhotoPrediction) -> SaidHead:
    return SaidHead(
        title=title,
        label=found.label,
        labels=found.labels,
        several=found.head.several,
        scores=found.head.scores,
        classes=[
            SaidClass(name=name, value=value, word=found.head.word(value, 1))
            for name, value in found.top(_TOLD)
        ],
    )


def _data(picture: Pixels) -> str:
    return f"data:image/jpeg;base64,{in_base64(picture, _QUALITY)}"
