"""Predict photos and write a submission.

python tools/predict.py input/test1                    the newest run's best, to submission.csv
python tools/predict.py input/test1 --probability      probabilities instead of labels
python tools/predict.py cat.jpg photos.zip holidays    photos, zip archives, folders
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from hashlib import sha256
from itertools import chain, islice
from pathlib import Path

from tqdm import tqdm

from catdog.cli.argument_types import at_least
from catdog.cli.arguments import Parser, device_in, devices_of
from catdog.cli.main import run_tool
from catdog.cli.nets import python_of
from catdog.cli.specs import net_file
from catdog.data.class_names import read_class_names
from catdog.data.images import Readable, Unreadable
from catdog.data.mean import read_mean
from catdog.errors import DataError
from catdog.inference.gallery import MOST, draw_gallery
from catdog.inference.heads import Head
from catdog.inference.multi_process import predict_all
from catdog.inference.photos import digest_of, given_photos, in_order_of_rows
from catdog.inference.predictor import BATCH, Outcome, Prediction, Predictor, newest_weights
from catdog.inference.row_file import RowFile, row_file
from catdog.inference.submission import row_of, titles, write_skipped
from catdog.proto.caffe_pb2 import DatasetParameter
from catdog.runtime.checksum import sha256_of
from catdog.runtime.columns import Picked
from catdog.runtime.distributed.group import Group
from catdog.runtime.distributed.join import is_member, joined
from catdog.runtime.distributed.launch import launch
from catdog.runtime.text_table import text_table
from catdog.runtime.wording import counted
from catdog.spec import read_message, read_net
from catdog.tracking.runs import standing
from catdog.weights import read_weights, weight_file

SHOWN = 10
NONE = "none of them"


def main(argv: Sequence[str] | None = None) -> None:
    """Run the tool, with the others where it is one of several processes."""
    with joined() as group:
        run(sys.argv[1:] if argv is None else argv, group)


def run(argv: Sequence[str], group: Group) -> None:
    """Parse the arguments and predict."""
    parser = Parser(__doc__)
    parser.add_argument(
        "photos", nargs="+", help="photos, folders of them (also deeper ones), zip archives"
    )
    parser.add_argument("--weights", help="(default: the newest run's below snapshots/, its best)")
    parser.add_argument(
        "--model", type=net_file, help="the deploy net, where the weights carry none"
    )
    parser.add_argument("--dataset", help="dataset.yaml, where the weights carry none")
    parser.add_argument("--mean", help="mean.binaryproto, where the weights carry none")
    parser.add_argument("--out", default="submission.csv", help="(default: submission.csv)")
    parser.add_argument(
        "--probability",
        action="store_true",
        help="write the probability of class 1; of more classes, or of several labels, of each",
    )
    parser.add_argument("--labels", help="names of the classes, one a line, in place of the net's")
    parser.add_argument("--picture", help="draw the first photos with what they were taken for")
    parser.add_argument(
        "--picture-photos",
        type=at_least(1),
        default=MOST,
        metavar="N",
        help=f"how many of them (default: {MOST})",
    )
    parser.add_argument(
        "--resume", action="store_true", help="go on with the rows that an interrupted run left"
    )
    parser.add_views()
    parser.add_precision()
    parser.add_python()
    parser.add_device(several=True)
    args = parser.parse(argv)
    count = len(devices_of(args))
    if count > 1 and not is_member():
        launch("predict", argv, count)
    else:
        predict(args, group)


def predict(args: argparse.Namespace, group: Group) -> None:
    """Predict this process's part; rank 0 writes all, as it comes."""
    files, ids = in_order_of_rows(given_photos(args.photos))
    weights = weight_file(args.weights) if args.weights else newest_weights("snapshots")
    predictor = _predictor(args, group, weights, len(files))
    told = _Told(predictor.heads, max(SHOWN, args.picture_photos if args.picture else 0))
    with _rows(args, group, predictor.heads, weights, files, ids) as rows:
        at = before = group.gather(rows.done)[0]
        if group.leads and args.resume:
            told.again(predictor, files, ids, rows)
            if not rows.before:
                print("there are no rows to go on with: predicting all", file=sys.stderr)
        left = Picked(files, range(before, len(files)))
        hidden = None if group.leads else True
        bar = tqdm(total=len(files), initial=at, unit="photo", disable=hidden)
        with bar, closing(predict_all(predictor, left, group)) as batches:
            for batch in batches:
                if group.leads:
                    rows.add(told.each(zip(ids[at : at + len(batch)], batch, strict=True), args))
                at += len(batch)
                bar.update(len(batch))
        if group.leads and not rows.rows:
            raise _nothing(told.skipped)
    if group.leads:
        _tell(args, rows, told)


def _rows(
    args: argparse.Namespace,
    group: Group,
    heads: Sequence[Head],
    weights: Path,
    files: Sequence[Readable],
    ids: Sequence[str],
) -> AbstractContextManager[RowFile]:
    """The rows of the submission, for the process that writes; with --resume those of before."""
    if not group.leads:
        return nullcontext(RowFile(Path(args.out)))
    options = repr((args.tta, args.amp, args.probability, heads)).encode()
    given = (args.model, args.dataset, args.mean, args.labels)
    contents = (Path(name).read_bytes() if name else b"" for name in given)
    made_of = {
        "photos": digest_of(files, ids),
        "weights": sha256_of(weights).hex(),
        "options": sha256(b"\0".join((options, *contents))).hexdigest(),
    }
    head = titles(heads, probability=args.probability)
    return row_file(args.out, head, ids, made_of, resume=args.resume, step=BATCH)


class _Told:
    """What is told of predictions: the first ones, how many there are of each, what has no row."""

    def __init__(self, heads: Sequence[Head], most: int) -> None:
        self.heads, self._most = heads, most
        self.first: dict[str, Prediction] = {}
        self.counts: list[Counter[int]] = [Counter() for _ in heads]
        self.skipped: list[Unreadable] = []

    def each(
        self, found: Iterable[tuple[str, Outcome]], args: argparse.Namespace
    ) -> Iterator[list[object]]:
        """The rows of photos by their ids, which are counted; unreadable ones are noted."""
        for name, outcome in found:
            if isinstance(outcome, Unreadable):
                self.skipped.append(outcome)
                continue
            if len(self.first) < self._most:
                self.first[name] = outcome
            for head, row, count in zip(self.heads, outcome.rows, self.counts, strict=True):
                count.update(head.chosen(row) or [-1])
            yield row_of(name, outcome, self.heads, probability=args.probability)

    def again(
        self, predictor: Predictor, files: Sequence[Readable], ids: Sequence[str], rows: RowFile
    ) -> None:
        """What an interrupted run would have told: its first photos, and those without a row."""
        stored = Picked(files, range(rows.done))
        with closing(predictor.batches(stored)) as batches:
            found = zip(ids, chain.from_iterable(batches), strict=False)
            good = ((name, each) for name, each in found if not isinstance(each, Unreadable))
            self.first = dict(islice(good, self._most))
        late = "could not be read when its row was due"
        for (each,) in map(predictor.batches, ([files[at]] for at in rows.without)):
            self.skipped += [
                one if isinstance(one, Unreadable) else Unreadable(late, where=str(one.path))
                for one in each
            ]


def _tell(args: argparse.Namespace, rows: RowFile, told: _Told) -> None:
    listed = write_skipped(args.out, told.skipped)
    show(told.first, rows.rows, told.heads)
    count(told, "since then: " if rows.done else "")
    before = f", {rows.before} of them were there before" if rows.before else ""
    print(f"{counted(rows.rows, 'row')} in {args.out}{before}")
    if skipped := len(told.skipped):
        print(f"{counted(skipped, 'photo')} could not be read: see {listed}", file=sys.stderr)
    if args.picture:
        most = args.picture_photos
        first = f" of the first {most} of {rows.rows} photos" if rows.rows > most else ""
        picture = draw_gallery(args.picture, list(told.first.values()), told.heads, most)
        print(f"picture{first} in {picture}")


def _predictor(args: argparse.Namespace, group: Group, weights: Path, photos: int) -> Predictor:
    device = device_in(args, group)
    group.use(device)
    predictor = Predictor(
        read_weights(weights),
        deploy=read_net(args.model).message if args.model else None,
        dataset=read_message(args.dataset, DatasetParameter()).message if args.dataset else None,
        mean=read_mean(args.mean) if args.mean else None,
        device=device,
        views=args.tta,
        amp=args.amp,
        labels=read_class_names(args.labels) if args.labels else None,
        scores=not args.probability,
        provide_caffe=python_of(args),
    )
    tempered = f", temperature {predictor.temperature:.3f}" if predictor.temperature != 1 else ""
    if group.leads:
        print(f"{counted(photos, 'photo')} with {weights}{tempered}", file=sys.stderr)
        if predictor.heads[0].scores:
            print("the net gives scores: the largest is the label", file=sys.stderr)
        if told := standing(weights):
            print(f"its run had {told}", file=sys.stderr)
    return predictor


def _nothing(skipped: Sequence[Unreadable]) -> DataError:
    first, count = skipped[0], len(skipped)
    if count == 1:
        return DataError(f"is no photo: {first.what}", where=first.where)
    what = f"none of {count} photos can be read; {first.where}: {first.what}"
    return DataError(what)


def show(first: Mapping[str, Prediction], rows: int, heads: Sequence[Head]) -> None:
    """Print what the first photos show."""
    words = [(name, *_words(found, heads)) for name, found in islice(first.items(), SHOWN)]
    print(text_table(None, words))
    if rows > SHOWN:
        print("...")


def count(told: _Told, when: str) -> None:
    """Print how many photos there are of each class or label."""
    for head, number in zip(told.heads, told.counts, strict=True):
        named = [f"{number[i]} {name}" for i, name in enumerate(head.names) if number[i]]
        named += [f"{number[-1]} {NONE}"] if number[-1] else []
        title = f"{head.title}: " if len(told.heads) > 1 else ""
        print(f"{when}{title}" + ", ".join(named))


def _words(found: Prediction, heads: Sequence[Head]) -> Iterator[str]:
    for head, row in zip(heads, found.rows, strict=True):
        likely = [(head.names[i], head.word(row[i])) for i in head.likely(row)]
        if head.several:
            yield ", ".join(map(" ".join, likely)) or NONE
        else:
            yield from (word for pair in likely for word in pair)


if __name__ == "__main__":
    run_tool(main)
