"""Jobs as the pages list them."""

import shlex
from dataclasses import dataclass

from catdog.studio.here import Studio
from catdog.studio.jobs.job import State, StudioJob


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


def job_rows(studio: Studio) -> list[JobRow]:
    """The jobs of a studio, the newest first."""
    return [JobRow.of(studio, job) for job in reversed(studio.jobs.all())]
