"""Predict a folder of photos and write a submission.

python tools/predict.py input/test1                    the newest run's best, to submission.csv
python tools/predict.py input/test1 --probability      probabilities instead of labels
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Sequence

from tqdm import tqdm

from catdog.cli.arguments import Parser, device_in, devices_of
from catdog.cli.main import run_tool
from catdog.cli.nets import python_of
from catdog.data.build.photo_files import photos_in
from catdog.data.mean import read_mean
from catdog.inference.gallery import draw_gallery
from catdog.inference.multi_process import portion, predict_all
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


def main(argv: Sequence[str] | None = None) -> None:
    """Run the tool, with the others where it is one of several processes."""
    with joined() as group:
        run(sys.argv[1:] if argv is None else argv, group)


def run(argv: Sequence[str], group: Group) -> None:
    """Parse the arguments and predict."""
    parser = Parser(__doc__)
    parser.add_argument("folder", help="photos, in folders below it too")
    parser.add_argument("--weights", help="(default: the newest run's below snapshots/, its best)")
    parser.add_argument("--model", help="the deploy net, where the weights carry none")
    parser.add_argument("--dataset", help="dataset.yaml, where the weights carry none")
    parser.add_argument("--mean", help="mean.binaryproto, where the weights carry none")
    parser.add_argument("--out", default="submission.csv", help="(default: submission.csv)")
    parser.add_argument("--probability", action="store_true", help="write probabilities of class 1")
    parser.add_argument("--picture", help="draw the first photos with what they were taken for")
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
    device = device_in(args, group)
    group.use(device)
    photos = photos_in(args.folder)
    weights = weight_file(args.weights) if args.weights else newest_weights("snapshots")
    predictor = Predictor(
        read_weights(weights),
        deploy=read_net(args.model).message if args.model else None,
        dataset=read_message(args.dataset, DatasetParameter()).message if args.dataset else None,
        mean=read_mean(args.mean) if args.mean else None,
        device=device,
        views=args.tta,
        amp=args.amp,
        provide_caffe=python_of(args),
    )
    tempered = f", temperature {predictor.temperature:.3f}" if predictor.temperature != 1 else ""
    if group.leads:
        print(f"{counted(len(photos), 'photo')} with {weights}{tempered}", file=sys.stderr)
        if told := standing(weights):
            print(f"its run had {told}", file=sys.stderr)
    number, hidden = len(portion(photos, group)), None if group.leads else True

    def watch(found: Iterable[Prediction]) -> Iterable[Prediction]:
        watched: Iterable[Prediction] = tqdm(found, total=number, unit="photo", disable=hidden)
        return watched

    predictions, skipped = predict_all(predictor, photos, group, watch)
    if not group.leads:
        return
    write_submission(args.out, predictions, probability=args.probability)
    show(predictions, predictor.classes)
    print(f"{counted(len(predictions), 'row')} in {args.out}")
    if skipped:
        listed = write_skipped(args.out, skipped)
        print(f"{counted(len(skipped), 'photo')} could not be read: see {listed}", file=sys.stderr)
    if args.picture:
        print(f"picture in {draw_gallery(args.picture, predictions, predictor.classes)}")


def show(predictions: Sequence[Prediction], classes: Sequence[str]) -> None:
    """Print the two likeliest classes of the first photos, and how many there are of each."""
    rows = []
    for prediction in predictions[:SHOWN]:
        order = prediction.probabilities.argsort()[::-1][:2]
        likely = ((classes[i], f"{prediction.probabilities[i]:.2%}") for i in order)
        rows.append((prediction.path.name, *(word for pair in likely for word in pair)))
    print(text_table(None, rows))
    if len(predictions) > SHOWN:
        print("...")
    count = Counter(prediction.label for prediction in predictions)
    print(", ".join(f"{count[i]} {name}" for i, name in enumerate(classes) if count[i]))


if __name__ == "__main__":
    run_tool(main)
