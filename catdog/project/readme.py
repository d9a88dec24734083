"""README.md of a project: the commands, in their order."""

from collections.abc import Sequence
from pathlib import Path

from catdog.project.request import PROJECT, Project
from catdog.project.run_steps import steps_of
from catdog.project.unpacking import unpacking
from catdog.project.validation_list import LIST
from catdog.runtime.files import replacing

README = "README.md"

_TEXT = """# {name}

{count} photos, {kind}: {classes}.

```
{commands}
```

The commands run in this folder. They make, one after the other:

| file | content |
|---|---|
| `data/` | the photos as the net takes them, {size}x{size}, every sixth for validation |
| `snapshots/` | the training: its log, its snapshots, the weights of the best test |
{made}

The last one tells what new photos show. `catdog fit` runs it on the validation photos,
which it lists in `{list}`.

`net.yaml` is the net, `solver.yaml` how it is trained. Change them and train again; with
`--snapshot auto` a training goes on where it stopped. `{project}` is what `catdog fit` goes on by.
"""

#: What the steps after the training make.
_MADE = {
    "curve.png": "loss and accuracy in the course of the training",
    "report.html": "how good the net is on the validation photos, and where it is wrong",
    "page.html": "photos with what they were taken for, to look through",
}


def write_readme(
    folder: Path,
    project: Project,
    classes: Sequence[str],
    count: int,
    size: int,
    *,
    packed: bool,
) -> None:
    """Write it, for a net that takes so many photos, of that size; `packed` in a zip."""
    steps = steps_of(project, "PHOTOS")
    first = [unpacking(project.asked.photos)] if packed else []
    text = _TEXT.format(
        name=project.name,
        count=f"{count:,}",
        kind=f"{len(classes)} {'labels' if project.several else 'classes'}",
        classes=", ".join(classes[:30]) + (" ..." if len(classes) > 30 else ""),
        commands="\n".join([*first, *map(str, steps)]),
        size=size,
        made="\n".join(f"| `{step.made}` | {_MADE[step.made]} |" for step in steps if step.made),
        list=LIST,
        project=PROJECT,
    )
    with replacing(folder / README) as path:
        path.write_text(text, encoding="utf-8")
