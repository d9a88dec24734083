"""The labelled photos of archives: WebDataset's tars, or folders as they lie in a zip or a tar."""

import glob
from collections.abc import Sequence

from catdog.data.archives import Tar, archive_at, is_packed
from catdog.data.build.folder_layouts import find_photos
from catdog.data.build.listing import Listing
from catdog.data.build.packed_folder import PackedFolder
from catdog.data.build.webdataset import is_webdataset, read_webdataset
from catdog.data.remote import explained, file_system, is_address
from catdog.errors import DataError
from catdog.runtime.patterns import is_pattern, whole_matches, without_braces


def packed_places(data: str) -> list[str]:
    """The archives that a word names, a pattern or one of them; none for a folder.

    Raises DataError for a pattern that names nothing, or files of which some are missing.
    """
    if is_address(data):
        return _addresses(data)
    if is_pattern(data) and data.lower().endswith(".tar"):
        found = whole_matches(data)
        if not found:
            raise DataError("no file has such a name", where=data, remedy="check the pattern")
        return found
    return [data] if is_packed(data) else []


def find_packed(places: Sequence[str]) -> Listing:
    """The labelled photos of archives. Raises DataError as their readers do."""
    archive = archive_at(places[0])
    if len(places) > 1 or (isinstance(archive, Tar) and is_webdataset(archive)):
        return read_webdataset(places)
    archive.check()
    archive.check_open()
    return find_photos(PackedFolder(archive))


def _addresses(data: str) -> list[str]:
    """What is there of a pattern of addresses; with braces alone nobody is asked."""
    return [each for name in without_braces(data) for each in _at(name)]


def _at(address: str) -> list[str]:
    if not glob.has_magic(address.partition("://")[2]):
        return [address]
    system, path = file_system(address)
    try:
        with explained():
            found = sorted(system.glob(path))
    except OSError as error:
        raise DataError(str(error.strerror or error), where=address) from error
    if not found:
        raise DataError("no file has such a name", where=address, remedy="check the pattern")
    return [system.unstrip_protocol(each) for each in found]
