"""Predict photos: say what they show, or write a submission.

python tools/predict.py cat.jpg dog.jpg                what they show
python tools/predict.py input/test1                    the newest run's best, to submission.csv
python tools/predict.py input/test1 --probability      probabilities instead of labels
python tools/predict.py cat.jpg photos.zip holidays    photos, zip archives, folders
"""

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import replace
from functools import partial
from hashlib import sha256
from pathlib import Path

from catdog.cli.arguments import device_in, devices_of, tell
from catdog.cli.main import run_tool
from catdog.cli.nets import python_of
from catdog.cli.prediction import prediction_arguments
from catdog.engines.table import TORCH
from catdog.errors import CatdogError, some_of
from catdog.inference.gallery import draw_gallery
from catdog.inference.open_nets import NetOptions, digest_of_weights, named_weights
from catdog.inference.page import PredictionPage, page_file
from catdog.inference.photo_job import PhotoJob, Taker
from catdog.inference.photos import digest_of, given_photos, in_order_of_rows
from catdog.inference.prediction_table import table_file
from catdog.inference.predictor import BATCH, Predictor, newest_weights
from catdog.inference.row_file import PART, RowFile, row_file
from catdog.inference.sorted_folders import SortedFolders, check_apart, sorted_folders
from catdog.inference.submission import titles, write_skipped
from catdog.inference.tally import SHOWN, Tally, in_full, in_short
from catdog.runtime.distributed.group import Group
from catdog.runtime.distributed.join import is_member, joined
from catdog.runtime.distributed.launch import launch
from catdog.runtime.progress import progress
from catdog.runtime.wording import counted
from catdog.tracking.runs import standing
from catdog.training.out_of_fold import out_of_fold
from catdog.training.trained_folds import TrainedFold, trained_folds


def main(argv: Sequence[str] | None = None) -> None:
    """Run the tool, with the others where it is one of several processes."""
    with joined() as group:
        run(sys.argv[1:] if argv is None else argv, group)


def run(argv: Sequence[str], group: Group) -> None:
    """Parse the arguments and predict."""
    args = prediction_arguments(__doc__, argv)
    count = len(devices_of(args))
    if args.engine != TORCH and max(count, group.world) > 1:
        what = "takes all cores for one process, and several are asked for"
        raise CatdogError(what, where=f"--engine {args.engine}", remedy="leave one of them out")
    if count > 1 and not is_member():
        launch("predict", argv, count)
    else:
        predict(args, group)


def predict(args: argparse.Namespace, group: Group) -> None:
    """Predict this process's part; rank 0 writes all, as it comes."""
    options = _options(args, group)
    if args.out_of_fold and group.leads:
        _out_of_fold(args, options)
    if not args.photos:
        return
    if args.sort_into:
        check_apart(args.sort_into, args.photos)
    files, ids = in_order_of_rows(given_photos(args.photos))
    weights = _weights(args)
    opened = replace(options, engine=args.engine, examples=files).open_all(weights)
    job = PhotoJob(opened, files, ids, group)
    if group.leads:
        _tell_net(job, weights)
    kept = max(SHOWN, args.picture_photos if args.picture else 0, args.answer and len(files))
    tally = Tally(job.heads, kept)
    with ExitStack() as stack:
        rows = stack.enter_context(_rows(args, job, options, weights))
        if group.leads and args.resume and not rows.before:
            tell(f"--resume: no rows to go on with in {args.out}{PART}: predicting all")
        takers = _takers(args, job, options, weights, stack) if group.leads else []
        bar = stack.enter_context(
            progress(what="predict", total=len(files), hidden=not group.leads)
        )
        job.run(rows, tally, takers, probability=args.probability, progress=bar.update)
    if group.leads:
        _tell(args, rows, tally, takers)


def _options(args: argparse.Namespace, group: Group) -> NetOptions:
    device = device_in(args, group)
    group.use(device)
    return NetOptions(
        model=args.model,
        dataset=args.dataset,
        mean=args.mean,
        labels=args.labels,
        device=device,
        views=args.tta,
        amp=args.amp,
        scores=not args.probability,
        provide_caffe=python_of(args),
        coverage=args.coverage,
        reject=args.reject,
    )


def _weights(args: argparse.Namespace) -> list[Path]:
    if args.folds_of:
        return [fold.weights for fold in _folds(args)]
    return named_weights(args.weights) if args.weights else [newest_weights("snapshots")]


def _folds(args: argparse.Namespace) -> list[TrainedFold]:
    folds = trained_folds(args.folds_of)
    for fold in folds:
        if not fold.is_done:
            tell(f"warning: the training of fold {fold.number} has not come to its end")
    return folds


def _out_of_fold(args: argparse.Namespace, options: NetOptions) -> None:
    """Each training photo by the net that has not seen it."""
    folds = _folds(args)
    with progress(what="predict", total=sum(len(fold.unseen) for fold in folds)) as bar:
        found = out_of_fold(folds, options.open, bar.update)
    found.write(args.out_of_fold)
    right = "" if found.several else f", {found.accuracy} of them right"
    print(f"{counted(len(found.rows), 'row')} of {len(folds)} folds in {args.out_of_fold}{right}")


def _rows(
    args: argparse.Namespace, job: PhotoJob, options: NetOptions, weights: Sequence[Path]
) -> AbstractContextManager[RowFile]:
    """The rows of the submission, for the process that writes; with --resume those of before."""
    if not job.group.leads or args.answer:
        return nullcontext(RowFile(Path(os.devnull)))
    made_of = _made_of(args, job, options, weights)
    head = titles(job.heads, probability=args.probability)
    return row_file(args.out, head, job.ids, made_of, resume=args.resume, step=BATCH)


def _made_of(
    args: argparse.Namespace, job: PhotoJob, options: NetOptions, weights: Sequence[Path]
) -> dict[str, str]:
    """What predictions depend on, by digests."""
    engines = [each.engine.name for each in job.predictor.members]
    said = repr((args.tta, args.amp, args.probability, job.heads, engines)).encode()
    return {
        "photos": digest_of(job.files, job.ids),
        "weights": digest_of_weights(weights),
        "options": sha256(b"\0".join((said, *options.contents()))).hexdigest(),
    }


def _takers(
    args: argparse.Namespace,
    job: PhotoJob,
    options: NetOptions,
    weights: Sequence[Path],
    stack: ExitStack,
) -> list[Taker]:
    """What gets the predictions beside the submission."""
    takers: list[Taker] = []
    if args.table:
        takers.append(stack.enter_context(table_file(args.table, job.heads)))
    if args.page:
        lead = f"As {', '.join(path.name for path in weights)} sees them."
        page = PredictionPage(job.heads, len(job.files), args.page_photos, lead)
        if page.left_out:
            wanted = f"the first {args.page_photos:,} of {counted(len(job.files), 'photo')}"
            tell(f"the page gets {wanted}; --page-photos changes that")
        takers.append(stack.enter_context(page_file(args.page, page)))
    if args.sort_into:
        made_of = partial(_made_of, args, job, options, weights)
        folders = sorted_folders(args.sort_into, job, made_of, link=args.link, resume=args.resume)
        takers.append(stack.enter_context(folders))
    return takers


def _tell(args: argparse.Namespace, rows: RowFile, tally: Tally, takers: Sequence[Taker]) -> None:
    if args.answer:
        print(in_full(tally.first.values(), tally.heads))
        for error in tally.skipped:
            tell(f"no photo: {error}")
    else:
        _tell_rows(args.out, rows, tally)
    if args.picture:
        most = args.picture_photos
        first = f" of the first {most} of {rows.rows} photos" if rows.rows > most else ""
        picture = draw_gallery(args.picture, list(tally.first.values()), tally.heads, most)
        print(f"picture{first} in {picture}")
    if args.table:
        print(f"table in {args.table}")
    if args.page:
        print(f"page in {args.page}, {Path(args.page).stat().st_size / 1e6:.1f} MB")
    for taker in takers:
        if isinstance(taker, SortedFolders):
            print(taker.told())


def _tell_rows(out: str, rows: RowFile, tally: Tally) -> None:
    listed = write_skipped(out, tally.skipped)
    print(in_short(tally.first, rows.rows, tally.heads))
    print(*tally.totals("since then: " if rows.done else ""), sep="\n")
    before = f", {rows.before} of them were there before" if rows.before else ""
    print(f"{counted(rows.rows, 'row')} in {out}{before}")
    if skipped := len(tally.skipped):
        tell(f"{counted(skipped, 'photo')} could not be read: see {listed}")


def _tell_net(job: PhotoJob, weights: Sequence[Path]) -> None:
    """What predicts, and what is known of how good it is."""
    photos = counted(len(job.files), "photo")
    for member in job.predictor.members:
        for note in member.notes:
            tell(note)
    if not isinstance(job.predictor, Predictor):
        tell(f"{photos} with the mean of {len(weights)} nets: {some_of(map(str, weights))}")
        return
    warmth = job.predictor.temperature
    tell(f"{photos} with {weights[0]}{f', temperature {warmth:.3f}' if warmth != 1 else ''}")
    if job.heads[0].scores:
        tell("the net gives scores: the largest is the label")
    if told := standing(weights[0]):
        tell(f"its run had {told}")


if __name__ == "__main__":
    run_tool(main)
