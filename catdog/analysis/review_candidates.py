"""Photos that a person should look at, by what a net says of them, as rows of a review."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from catdog.analysis.label_errors import losses, suspects
from catdog.analysis.labelled import LabelledPredictions
from catdog.analysis.photo_quality import KINDS
from catdog.data.build.review import ReviewRow

#: Why a photo is to be looked at.
MISLABELLED, HARD, UNDECIDED = "may be mislabelled", "hard", "undecided"
REASONS = (MISLABELLED, HARD, UNDECIDED)
#: What is found without a trained net, beside what is wrong with a picture.
OUTLIER, DOUBLE = "unlike the others", "double of another class"
_FOUND = (OUTLIER, DOUBLE, *KINDS.values())
_SAYS = ": the net says "
_NOTE = re.compile(rf"({'|'.join(REASONS)}){_SAYS}(.+) (\d+\.\d)%", re.DOTALL)


class NoteOfNet(NamedTuple):
    """What the note of a proposed row says; a note that a person wrote is the reason alone."""

    reason: str
    taken_for: str = ""
    probability: float | None = None


@dataclass(frozen=True)
class ReviewCandidate:
    """A photo to look at.

    Args:
        photo, label: its name and that of its class, as given.
        taken_for: the likeliest class, with its probability.
        own: the probability of the label.
        loss: -ln of that.
        reason: MISLABELLED, HARD or UNDECIDED; see `label_errors.suspects`.
        at: its index among the photos that were judged.
    """

    photo: str
    label: str
    taken_for: str
    probability: float
    own: float
    loss: float
    reason: str
    at: int

    @property
    def row(self) -> ReviewRow:
        """It as a row without a decision, with what the net says as the note."""
        note = note_of_net(self.reason, self.taken_for, self.probability)
        return ReviewRow(self.photo, self.label, note=note)


def note_of_net(reason: str, taken_for: str, probability: float) -> str:
    """A note that `read_note` understands."""
    return f"{reason}{_SAYS}{taken_for} {probability:.1%}"


def read_note(note: str) -> NoteOfNet:
    """What the note of a row says; of several reasons the first."""
    first = note.partition("; ")[0]
    if match := _NOTE.fullmatch(note) or _NOTE.fullmatch(first):
        return NoteOfNet(match[1], match[2], float(match[3]) / 100)
    kind = first.partition(": ")[0]
    return NoteOfNet(kind if kind in _FOUND else note)


def review_candidates(
    predictions: LabelledPredictions, classes: Sequence[str], names: Sequence[str], most: int
) -> list[ReviewCandidate]:
    """At most `most` photos of each kind, those that may be mislabelled first, none twice."""
    loss = losses(predictions)

    def found() -> Iterator[ReviewCandidate]:
        kinds = suspects(predictions, most)
        for reason, places in (
            (MISLABELLED, kinds.mislabelled),
            (HARD, kinds.hardest),
            (UNDECIDED, kinds.undecided),
        ):
            for place in places:
                at = int(predictions.index[place])
                taken = int(predictions.predicted[place])
                yield ReviewCandidate(
                    names[at],
                    classes[predictions.label[place]],
                    classes[taken],
                    float(predictions.probabilities[place, taken]),
                    float(predictions.own[place]),
                    float(loss[place]),
                    reason,
                    at,
                )

    return list({each.photo: each for each in reversed(list(found()))}.values())[::-1]
