"""Layouts of folders of labelled photos: Kaggle's, class folders, train/, val/ and test/."""

import os
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from catdog.data.build.listing import Listing, Skipped, in_label_order
from catdog.data.build.photo_classes import photo_classes, some
from catdog.data.build.photo_files import Folder, check_folder, files_below, no_photos, subfolders
from catdog.data.build.photo_table import PhotoTable, RelabelledPhotos
from catdog.data.photo_names import is_picture
from catdog.errors import DataError
from catdog.runtime.columns import Texts

_TRAIN, _VALIDATION, _TEST = "training", "validation", "test"
#: What folders of the parts of a data set are called, `_set` after it or not.
_PARTS = {
    **dict.fromkeys(("train", "training"), _TRAIN),
    **dict.fromkeys(("val", "valid", "validation"), _VALIDATION),
    **dict.fromkeys(("test", "testing"), _TEST),
}


def find_photos(root: str | Folder) -> Listing:
    """The labelled photos below a folder of any known layout.

    The folders of its parts are known by their names: train, training, training_set, val,
    valid, validation, test, testing, test_set; without a train/ the folder itself is meant. Each
    of them has either photos named for their class (`cat.0.jpg`) or a folder for each class.
    Photos of test/ count where all of them are of the same classes; else they are to be predicted.
    Raises DataError when there are no photos or no labels to be found.
    """
    root = Path(root) if isinstance(root, str) else root
    check_folder(root)
    parts = _parts(root)
    try:
        found = _find_one(parts.get(_TRAIN, root), apart=parts.values())
    except DataError as error:
        raise _not_by_parts(error, root, parts.values()) from error
    if (folder := parts.get(_VALIDATION)) is not None:
        validation = _find_one(folder, known=found.classes)
        found = _side_by_side(found, validation, parts.get(_TRAIN), folder)
    if (folder := parts.get(_TEST)) is not None:
        try:
            _take_test(found, _find_one(folder, known=found.classes), folder.name)
        except DataError as error:
            found.notes.append(f"{folder.name}/ is left to be predicted: {error.what}")
    return found


def add_test(listing: Listing, folder: str | Folder) -> None:
    """Set the test photos of a listing to the labelled photos of a folder.

    Raises DataError where there are no photos, or photos of a class that the others lack.
    """
    folder = Path(folder) if isinstance(folder, str) else folder
    check_folder(folder)
    _take_test(listing, _find_one(folder, known=listing.classes), folder.name)


def has_photos(root: str | Folder) -> bool:
    """Whether there is a picture file, by its suffix, where `find_photos` looks for them."""
    root = Path(root) if isinstance(root, str) else root
    folder = _parts(root).get(_TRAIN, root)
    return any(is_picture(parts[-1]) for parts in files_below(folder, _is_part))


def has_test(root: Path) -> bool:
    """Whether a folder has one for test photos, where `find_photos` looks for it."""
    return _TEST in _parts(root)


def photo_path(root: Path, name: str) -> Path | None:
    """The file of the photo that `find_photos` gives this name; None where there is none.

    What a name leads to outside of the folder is none of its photos.
    """
    if not root.is_dir() or not is_picture(name) or "\0" in name:
        return None
    for folder in (_parts(root).get(_TRAIN, root), root):
        path = Path(os.path.normpath(Path(str(folder), name)))
        if path.is_relative_to(root) and path.is_file():
            return path
    return None


def _not_by_parts(error: DataError, root: Folder, parts: Collection[Folder]) -> DataError:
    """What is wrong with the training photos, with the folders that no class was seen in."""
    if not parts or not error.what.startswith(("no labels", "one class only", "most photos")):
        return error
    names = " and ".join(sorted(f"{path.name}/" for path in parts))
    taken = "are taken for parts" if len(parts) > 1 else "is taken for a part"
    return DataError(
        f"{error.what}; {names} {taken} of the data, by name, not for a class",
        where=error.where,
        remedy=f"{error.remedy}; if it is a class, put the folders of all classes into "
        f"{root / 'train'}",
    )


def _part(folder: Folder) -> str | None:
    """Which part of a data set a folder has, by its name."""
    name = folder.name.casefold().replace("-", "_").replace(" ", "_")
    return _PARTS.get(name.removesuffix("_set"))


def _parts(root: Folder) -> dict[str, Folder]:
    """The folders of the parts of a data set. Raises DataError where one is there twice."""
    parts: dict[str, Folder] = {}
    for folder in subfolders(root):
        if (part := _part(folder)) and parts.setdefault(part, folder) != folder:
            raise DataError(
                f"{parts[part].name}/ and {folder.name}/ are both named for {part} photos",
                where=str(root),
                remedy="keep one of them here",
            )
    return parts


def _is_part(folder: Folder) -> bool:
    """Whether a folder is neither an LMDB nor a data set with a train/ of its own."""
    return not ((folder / "data.mdb").exists() or _is_data_set(folder))


def _is_data_set(folder: Folder) -> bool:
    return any(_part(inside) == _TRAIN for inside in subfolders(folder))


def _take_test(listing: Listing, test: Listing, name: str) -> None:
    listing.test = _relabelled(listing, test, name)
    listing.skipped += test.skipped
    listing.layout += f", {name}/ apart"


def _relabelled(train: Listing, later: Listing, name: str) -> RelabelledPhotos:
    """Photos of other folders with the labels that their classes have in training."""
    unknown = sorted(set(later.classes) - set(train.classes))
    if unknown:
        raise DataError(
            f"{name}/ has classes that the training photos have not: {some(unknown)}",
            remedy=f"they have {some(train.classes)}",
        )
    labels = [train.classes.index(name) for name in later.classes]
    return RelabelledPhotos(later.train, labels)


def _side_by_side(
    found: Listing, validation: Listing, train: Folder | None, folder: Folder
) -> Listing:
    photos = _relabelled(found, validation, folder.name)
    beside = f"{train.name}/ and {folder.name}/ side by side" if train else f"{folder.name}/ apart"
    skipped = found.skipped + validation.skipped
    layout = f"{beside}, {found.layout}"
    return Listing(layout, found.classes, found.train, photos, skipped, notes=found.notes)


def _find_one(
    folder: Folder, *, known: Collection[str] = (), apart: Collection[Folder] = ()
) -> Listing:
    """The photos of one folder, each with the name that its key has.

    `known` classes need no second one beside them; folders `apart` are those of other parts.
    """

    def enter(inside: Folder) -> bool:
        return inside not in apart and _is_part(inside)

    # relative to the training photos, or with val/ in front
    above = f"{folder.name}/" if known else ""
    skipped: list[Skipped] = []
    found = Texts()
    for parts in files_below(folder, enter):
        if is_picture(parts[-1]):
            found.append("/".join(parts))
        else:
            skipped.append(Skipped(above + "/".join(parts), "not a picture by its name"))
    if not found:
        raise _nothing(folder, apart)
    layout, of_each, by_folder, notes = photo_classes(found, folder, known)
    classes = in_label_order({name for name in of_each.distinct if name})
    label_of = {name: label for label, name in enumerate(classes)}
    photos = PhotoTable(folder.joinpath, above)
    for path, name in zip(found, of_each, strict=True):
        if name:
            photos.append(path, label_of[name])
        else:
            skipped.append(Skipped(above + path, "no class in its name, and in no class folder"))
    notes += _empty(folder, classes, enter) if by_folder else []
    return Listing(layout, classes, photos, None, skipped, notes=notes)


def _empty(folder: Folder, classes: Sequence[str], enter: Callable[[Folder], bool]) -> list[str]:
    """A line for each folder beside those of the classes in which there are no photos."""
    others = (path for path in subfolders(folder) if path.name not in classes and enter(path))
    return [f"{path.name}/ has no photos of its own, so it is no class" for path in others]


def _nothing(folder: Folder, apart: Collection[Folder]) -> DataError:
    """What is said of a folder without photos; there may be some in its folders."""
    inside = [path for path in subfolders(folder) if path not in apart and _is_data_set(path)]
    if not apart and len(inside) == 1:
        what = f"no photos in this folder but those of the data set {inside[0].name}/"
        return DataError(what, where=str(folder), remedy=f"name {inside[0]}")
    if apart and folder == next(iter(apart)).parent:
        names = " and ".join(sorted(f"{path.name}/" for path in apart))
        what = f"no training photos beside {names}"
        return DataError(what, where=str(folder), remedy="put them into train/")
    return no_photos(folder)
