"""Weights that `catdog publish` wrote: a folder, or a repository of the Hugging Face Hub."""

import re
import sys
from pathlib import Path
from typing import Any

from catdog.errors import WeightsError
from catdog.runtime.optional import optional

#: The file with the weights of a publication, the only one that is read of it.
WEIGHTS = "model.safetensors"
#: What the name of a repository begins with.
HUB = "hf:"
_NAME = re.compile(r"[\w.-]+/[\w.-]+")
#: Characters of what the Hub says is wrong.
_BRIEF = 160


def published_weights(source: str | Path) -> Path | None:
    """The weights of a published folder, or of `hf:USER/NAME`; None for any other source.

    What is on the Hub is fetched once, and taken from its cache without a network. Nothing of it
    is executed. Raises WeightsError where it cannot be had.
    """
    if is_on_hub(str(source)):
        return _of_hub(str(source))
    path = Path(source) / WEIGHTS
    return path if path.is_file() else None


def is_on_hub(source: str) -> bool:
    """Whether a source names a repository of the Hub."""
    return source.startswith(HUB)


def in_hub_cache(source: str) -> bool:
    """Whether the weights of a repository have been fetched."""
    name, revision = name_and_revision(source)
    found = _hub().try_to_load_from_cache(name, WEIGHTS, revision=revision)
    return isinstance(found, str)


def name_and_revision(source: str) -> tuple[str, str | None]:
    """`USER/NAME` of `hf:USER/NAME`, and what follows an @; WeightsError for another name."""
    name, _, revision = source.removeprefix(HUB).partition("@")
    if not _NAME.fullmatch(name):
        remedy = f"write {HUB}USER/NAME, with @REVISION for another than the newest"
        raise WeightsError("is no repository of the Hub", where=source, remedy=remedy)
    return name, revision or None


def hub_fault(source: str, error: Exception, doing: str) -> WeightsError:
    """What to say where the Hub does not give or take what it should."""
    errors = _hub(".errors")
    text = " ".join(str(error).split())[:_BRIEF].rstrip(".") or type(error).__name__
    remedy = "check the network; what was fetched once is read without one"
    if isinstance(error, errors.RepositoryNotFoundError):
        text = "the Hub has no such repository, or does not show it to you"
        remedy = "check the name; for a private one: hf auth login"
    elif isinstance(error, errors.LocalEntryNotFoundError):
        text = "the Hub cannot be reached, and nothing of it was fetched before"
    return WeightsError(f"cannot be {doing}: {text}", where=source, remedy=remedy)


def _of_hub(source: str) -> Path:
    name, revision = name_and_revision(source)
    hub = _hub()
    if not sys.stderr.isatty():
        _hub(".utils").disable_progress_bars()
    try:
        folder = hub.snapshot_download(name, revision=revision, allow_patterns=[WEIGHTS])
    except Exception as error:  # the Hub has errors of many kinds, and of the library beneath it
        raise hub_fault(source, error, "fetched") from error
    path = Path(folder) / WEIGHTS
    if not path.is_file():
        what, remedy = f"has no {WEIGHTS}", "name one that catdog publish has written"
        raise WeightsError(what, where=source, remedy=remedy)
    return path


def _hub(part: str = "") -> Any:
    """The package, or a part of it, which it does not bring by itself."""
    remedy = "pip install 'catdog-torch[hub]'"
    return optional(f"huggingface_hub{part}", "hf: needs huggingface_hub", remedy)
