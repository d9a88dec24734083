"""One net and so many photos: trained by the steps of `catdog fit`, judged by those held out."""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import torch

from catdog.analysis.candidate import Candidate
from catdog.analysis.label_errors import losses
from catdog.analysis.labelled import LabelledPredictions, collect, open_labelled, predict_photos
from catdog.project.begin import write_project
from catdog.project.comparing.contenders import Contender
from catdog.project.comparing.subsets import PhotoParts
from catdog.project.look import Look
from catdog.project.measured import MeasuredNet, judged
from catdog.project.request import Project, Request, Tell, seen_from
from catdog.project.run_steps import VALIDATION, best_weights, build_and_train
from catdog.project.solver_text import SNAPSHOTS
from catdog.tracking.run_file import read_run, run_path

#: What the steps print, and where they work, in the folder of a comparison.
LOG, WORK = "log.txt", "work"


@dataclass(frozen=True)
class CellMaker:
    """Measures nets in a folder.

    Args:
        parts: the photos.
        seen: what they are like.
        folder: of the comparison.
        seed: of the trainings.
        device: as `--device` takes it; empty for the usual one.
    """

    parts: PhotoParts
    seen: Look
    folder: Path
    seed: int
    device: torch.device

    def measure(self, contender: Contender, count: int) -> MeasuredNet:
        """Train a net on so many photos and judge it; nothing stays but what is printed, in LOG.

        Raises CatdogError as the steps do, and KeyboardInterrupt.
        """
        work = self.folder / WORK
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        began, used = time.monotonic(), _cpu()
        try:
            with _into(self.folder / LOG) as tell:
                tell(f"\n{contender.net} with {count:,} photos")
                project = self._trained(contender.net, count, work, tell)
                seconds, cpu = time.monotonic() - began, _cpu() - used
                found = self._judged(project, work)
            weights = best_weights(project, work)
            return MeasuredNet(
                contender.net,
                count,
                **judged(int((found.predicted == found.label).sum()), len(found.label)),
                log_loss=float(losses(found).mean()),
                iterations=_iterations(project, work),
                seconds=seconds,
                cpu_seconds=cpu,
                ms_per_photo=1000 / contender.rates.forward,
                megabytes=weights.stat().st_size / 1e6,
                weights=contender.weights,
            )
        finally:
            shutil.rmtree(work, ignore_errors=True)

    def _trained(self, net: str, count: int, work: Path, tell: Tell) -> Project:
        part = self.parts.part(count)
        source = part.source
        asked = Request(seen_from(source, work), net, seed=self.seed, device=str(self.device))
        project = write_project(part, self.seen, source, work, asked, self.device, tell)
        return build_and_train(project, work, None, tell)

    def _judged(self, project: Project, work: Path) -> LabelledPredictions:
        weights = best_weights(project, work)
        candidate = Candidate(weights, data=work / VALIDATION, device=self.device)
        predictor, data = candidate.open()
        with open_labelled(data, predictor) as photos:
            return collect(predict_photos(predictor, photos))


def _iterations(project: Project, work: Path) -> int:
    return int(read_run(run_path(str(work / SNAPSHOTS / project.name)))["iteration"])


def _cpu() -> float:
    """Seconds that this process and those it waited for had on processors."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


@contextmanager
def _into(log: Path) -> Iterator[Tell]:
    """What is printed meanwhile goes into a file; gives what writes lines there."""
    file = log.open("a", encoding="utf-8", errors="backslashreplace")
    with file, redirect_stdout(file), redirect_stderr(file):
        yield lambda line: print(line, file=file, flush=True)
