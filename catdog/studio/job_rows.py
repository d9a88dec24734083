"""Jobs as the pages list them."""

import re
import shlex
from dataclasses import dataclass

from catdog.studio.here import Studio
from catdog.studio.jobs.job import State, StudioJob

#: `build: 120 of 4,000 photos, 80.1 photos/s, 00:48 left`.
_PROGRESS = re.compile(r": (\d[\d,]*(?:\.\d+)?[kM]?) of (\d[\d,]*(?:\.\d+)?[kM]?) ")


@dataclass(frozen=True)
class JobRow:
    """A job in a list."""

    name: str
    title: str
    command: str
    target: str
    device: str
    created: str
    state: State
    error: str
    #: The last line that it printed.
    last: str

    @classmethod
    def of(cls, studio: Studio, job: StudioJob) -> "JobRow":
        """A job as it stands now."""
        order, lines = job.order, job.output.splitlines()
        return cls(
            name=job.name,
            title=order.title,
            command=shlex.join(["catdog", *order.words]),
            target=order.target,
            device=order.device,
            created=job.created,
            state=studio.jobs.state(job),
            error=job.error,
            last=lines[-1] if lines else "",
        )

    @property
    def progress(self) -> tuple[int, int]:
        """How far it is, and how far it goes; (0, 0) where it does not say."""
        match = _PROGRESS.search(self.last)
        return (_number(match[1]), _number(match[2])) if match else (0, 0)


def job_rows(studio: Studio) -> list[JobRow]:
    """The jobs of a studio, the newest first."""
    return [JobRow.of(studio, job) for job in reversed(studio.jobs.all())]


def _number(text: str) -> int:
    scale = {"k": 1_000, "M": 1_000_000}.get(text[-1], 1)
    return round(float(text.rstrip("kM").replace(",", "")) * scale)
