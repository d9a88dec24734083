"""Predict a folder of photos and write a submission.

python tools/predict.py input/test1                    the newest snapshot, to submission.csv
python tools/predict.py input/test1 --probability      probabilities instead of labels
"""

import sys
from collections import Counter
from collections.abc import Sequence

from tqdm import tqdm

from catdog import cli
from catdog.arguments import Parser, device_of
from catdog.gallery import draw_gallery
from catdog.images import Unreadable
from catdog.mean import read_mean
from catdog.photos import photos_in
from catdog.predict import Prediction, Predictor, newest_weights
from catdog.proto.caffe_pb2 import DatasetParameter
from catdog.spec import read_message, read_net
from catdog.submission import write_skipped, write_submission
from catdog.weights import read_weights, weight_file

SHOWN = 10


def main(argv: Sequence[str] | None = None) -> None:
    """Parse the arguments and predict."""
    parser = Parser(__doc__)
    parser.add_argument("folder", help="photos, in folders below it too")
    parser.add_argument("--weights", help="a snapshot (default: the newest below snapshots/)")
    parser.add_argument("--model", help="the deploy net, where the weights carry none")
    parser.add_argument("--dataset", help="dataset.yaml, where the weights carry none")
    parser.add_argument("--mean", help="mean.binaryproto, where the weights carry none")
    parser.add_argument("--out", default="submission.csv", help="(default: submission.csv)")
    parser.add_argument("--probability", action="store_true", help="write probabilities of class 1")
    parser.add_argument("--picture", help="draw the first photos with what they were taken for")
    parser.add_views()
    parser.add_device()
    args = parser.parse(argv)
    photos = photos_in(args.folder)
    weights = weight_file(args.weights) if args.weights else newest_weights("snapshots")
    predictor = Predictor(
        read_weights(weights),
        deploy=read_net(args.model).message if args.model else None,
        dataset=read_message(args.dataset, DatasetParameter()).message if args.dataset else None,
        mean=read_mean(args.mean) if args.mean else None,
        device=device_of(args),
        views=args.tta,
    )
    tempered = f", temperature {predictor.temperature:.3f}" if predictor.temperature != 1 else ""
    print(f"{len(photos)} photos with {weights}{tempered}", file=sys.stderr)
    skipped: list[Unreadable] = []
    found = predictor.predict(photos, skipped)
    predictions = list(tqdm(found, total=len(photos), unit="photo", disable=None))
    write_submission(args.out, predictions, probability=args.probability)
    show(predictions, predictor.classes)
    print(f"{len(predictions)} rows in {args.out}")
    if skipped:
        listed = write_skipped(args.out, skipped)
        print(f"{len(skipped)} photos could not be read: see {listed}", file=sys.stderr)
    if args.picture:
        print(f"picture in {draw_gallery(args.picture, predictions, predictor.classes)}")


def show(predictions: Sequence[Prediction], classes: Sequence[str]) -> None:
    """Print the two likeliest classes of the first photos, and how many there are of each."""
    width = max((len(p.path.name) for p in predictions[:SHOWN]), default=0)
    for prediction in predictions[:SHOWN]:
        order = prediction.probabilities.argsort()[::-1][:2]
        likely = "   ".join(f"{classes[i]} {prediction.probabilities[i]:7.2%}" for i in order)
        print(f"{prediction.path.name:<{width}}   {likely}")
    if len(predictions) > SHOWN:
        print("...")
    count = Counter(prediction.label for prediction in predictions)
    print(", ".join(f"{count[i]} {name}" for i, name in enumerate(classes) if count[i]))


if __name__ == "__main__":
    cli.tool(main)
