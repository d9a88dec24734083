"""A publication on the Hugging Face Hub."""

import tempfile
from pathlib import Path
from typing import Any

from catdog.errors import CatdogError, DataError
from catdog.runtime.optional import optional
from catdog.tracking.publication.folder import CARD, CONTENT, MARK, Tell, write_files
from catdog.tracking.publication.publication import Publication
from catdog.weights.published import HUB, hub_fault, name_and_revision

#: What the Hub itself puts into a new repository.
_OF_HUB = (".gitattributes",)


def publish_to_hub(
    publication: Publication, source: str, tell: Tell, *, private: bool = False
) -> tuple[str, list[str]]:
    """Bring a publication to `hf:USER/NAME`, in one commit; gives its address and its files.

    A repository that is not there is made. Raises DataError for one that has something else than a
    publication, WeightsError where the Hub does not take it, and as `write_files`.
    """
    name, revision = name_and_revision(source)
    if revision:
        raise DataError(f"@{revision} is for reading", where=source, remedy="leave it out")
    hub = optional(
        "huggingface_hub", "this needs huggingface_hub", "pip install 'catdog-torch[hub]'"
    )
    with tempfile.TemporaryDirectory(prefix="catdog-publish-") as scratch:
        files = write_files(publication, Path(scratch), f"{HUB}{name}", tell)
        try:
            return _upload(hub.HfApi(), name, source, Path(scratch), private), files
        except CatdogError:
            raise
        except Exception as error:  # as in reading, of many kinds
            raise hub_fault(source, error, "published") from error


def _upload(api: Any, name: str, source: str, folder: Path, private: bool) -> str:
    address = str(api.create_repo(name, private=private, exist_ok=True))
    there = [file for file in api.list_repo_files(name) if file not in _OF_HUB]
    if there and MARK not in there:
        what = f"has files that are no publication of catdog's: {', '.join(there[:3])}"
        raise DataError(what, where=source, remedy="name a new repository")
    api.upload_folder(
        repo_id=name,
        folder_path=folder,
        commit_message="Publish with catdog",
        # an earlier publication may have had more
        delete_patterns=[*CONTENT, CARD],
    )
    return address
