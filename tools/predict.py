"""Predict photos and write a submission.

python tools/predict.py input/test1                    the newest run's best, to submission.csv
python tools/predict.py input/test1 --probability      probabilities instead of labels
python tools/predict.py cat.jpg photos.zip holidays    photos, zip archives, folders
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from tqdm import tqdm

from catdog.cli.argument_types import at_least
from catdog.cli.arguments import Parser, device_in, devices_of
from catdog.cli.main import run_tool
from catdog.cli.nets import python_of
from catdog.data.class_names import read_class_names
from catdog.data.images import Unreadable
from catdog.data.mean import read_mean
from catdog.errors import DataError
from catdog.inference.gallery import MOST, draw_gallery
from catdog.inference.heads import Head
from catdog.inference.multi_process import portion, predict_all
from catdog.inference.photos import given_photos, ids_of
from catdog.inference.predictor import Prediction, Predictor, newest_weights
from catdog.inference.submission import write_skipped, write_submission
from catdog.proto.caffe_pb2 import DatasetParameter
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
    parser.add_argument("--model", help="the deploy net, where the weights carry none")
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
    """Predict this process's part; rank 0 writes all."""
    photos = given_photos(args.photos)
    files = [photo.file for photo in photos]
    predictor = _predictor(args, group, len(photos))
    number, hidden = len(portion(files, group)), None if group.leads else True

    def watch(found: Iterable[Prediction]) -> Iterable[Prediction]:
        watched: Iterable[Prediction] = tqdm(found, total=number, unit="photo", disable=hidden)
        return watched

    predictions, skipped = predict_all(predictor, files, group, watch)
    if not group.leads:
        return
    if not predictions:
        raise _nothing(skipped)
    ids = dict(zip(map(str, files), ids_of(photos), strict=True))
    named = {ids[str(each.path)]: each for each in predictions}
    write_submission(args.out, named, predictor.heads, probability=args.probability)
    listed = write_skipped(args.out, skipped)
    show(named, predictor.heads)
    print(f"{counted(len(predictions), 'row')} in {args.out}")
    if skipped:
        print(f"{counted(len(skipped), 'photo')} could not be read: see {listed}", file=sys.stderr)
    if args.picture:
        most, count = args.picture_photos, len(predictions)
        first = f" of the first {most} of {count} photos" if count > most else ""
        picture = draw_gallery(args.picture, predictions, predictor.heads, most)
        print(f"picture{first} in {picture}")


def _predictor(args: argparse.Namespace, group: Group, photos: int) -> Predictor:
    device = device_in(args, group)
    group.use(device)
    weights = weight_file(args.weights) if args.weights else newest_weights("snapshots")
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


def show(predictions: Mapping[str, Prediction], heads: Sequence[Head]) -> None:
    """Print what the first photos show, and how many there are of each."""
    first = list(predictions.items())[:SHOWN]
    words = [(name, *_words(found, heads)) for name, found in first]
    print(text_table(None, words))
    if len(predictions) > SHOWN:
        print("...")
    for number, head in enumerate(heads):
        chosen = (head.chosen(found.rows[number]) for found in predictions.values())
        count = Counter(index for indices in chosen for index in indices or [-1])
        named = [f"{count[i]} {name}" for i, name in enumerate(head.names) if count[i]]
        named += [f"{count[-1]} {NONE}"] if count[-1] else []
        print((f"{head.title}: " if len(heads) > 1 else "") + ", ".join(named))


def _words(found: Prediction, heads: Sequence[Head]) -> Iterator[str]:
    for head, row in zip(heads, found.rows, strict=True):
        likely = [(head.names[i], head.word(row[i])) for i in head.likely(row)]
        if head.several:
            yield ", ".join(map(" ".join, likely)) or NONE
        else:
            yield from (word for pair in likely for word in pair)


if __name__ == "__main__":
    run_tool(main)
