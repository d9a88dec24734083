"""README.md of a project: the commands, in their order."""

from collections.abc import Sequence
from pathlib import Path

from catdog.project.request import PROJECT
from catdog.project.steps import ToolStep
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

`net.yaml` is the net, `solver.yaml` how it is trained. Change them and train again; with
`--snapshot auto` a training goes on where it stopped. `{project}` is what `catdog fit` goes on by.
"""

#: What the steps after the training make.
_MADE = {
    "curve.png": "loss and accuracy in the course of the training",
    "report.html": "how good the net is on the validation photos, and where it is wrong",
    "page.html": "these photos with what they were taken for; `validation_photos.txt` lists them",
}


def write_readme(
    folder: Path,
    name: str,
    classes: Sequence[str],
    count: int,
    size: int,
    steps: Sequence[ToolStep],
    *,
    several: bool,
) -> None:
    """Write it."""
    text = _TEXT.format(
        name=name,
        count=f"{count:,}",
        kind=f"{len(classes)} {'labels' if several else 'classes'}",
        classes=", ".join(classes[:30]) + (" ..." if len(classes) > 30 else ""),
        commands="\n".join(map(str, steps)),
        size=size,
        made="\n".join(f"| `{step.made}` | {_MADE[step.made]} |" for step in steps if step.made),
        project=PROJECT,
    )
    with replacing(folder / README) as path:
        path.write_text(text, encoding="utf-8")
