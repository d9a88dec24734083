"""Modules of Python 2 beside a script, found by its imports and translated."""

import importlib
import sys
from collections.abc import Iterable, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType

from catdog.errors import CatdogError
from catdog.pycaffe.python2.detection import is_python2


class Translator(SourceFileLoader):
    """Loads a module of Python 2; its code is not kept in a file, where Python 3 would find it."""

    def path_stats(self, path: str) -> dict[str, float]:
        raise OSError(path)

    def get_code(self, fullname: str) -> CodeType:
        """The code of the module, translated."""
        path = Path(self.path)
        in_package = "." in fullname or path.name == "__init__.py"
        return translated(path.read_bytes(), str(path), in_package=in_package)


class NeighbourFinder(MetaPathFinder):
    """Finds modules below a folder that are written in Python 2, all of them where `every`."""

    def __init__(self, folder: Path, *, every: bool = False) -> None:
        self.folder, self.every = folder.resolve(), every

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Where a module is, if it is one of these."""
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is None or type(spec.loader) is not SourceFileLoader or not spec.origin:
            return None
        file = Path(spec.origin).resolve()
        if not file.is_relative_to(self.folder) or "site-packages" in file.parts:
            return None
        if not self.every and not is_python2(file.read_bytes()):
            return None
        spec.loader, spec.cached = Translator(fullname, spec.origin), None
        return spec


def translation() -> ModuleType:
    """The module that translates, read where it is needed; CatdogError where it cannot be."""
    try:
        return importlib.import_module("catdog.pycaffe.python2.translation")
    except OSError as error:
        raise CatdogError(
            f"cannot keep the grammar of Python 2: {error}",
            remedy="set XDG_CACHE_HOME to a folder that can be written to",
        ) from error


def translated(source: bytes, filename: str, *, in_package: bool = False) -> CodeType:
    """The code of a program of Python 2, said in a line on stderr.

    Raises the SyntaxError of Python 3 for what is no Python 2 either.
    """
    module = translation()
    try:
        found = module.translate(source, filename, in_package=in_package)
        code: CodeType = found.compiled(filename)
    except SyntaxError:
        compile(source, filename, "exec")
        raise
    print(f"note: {filename} is Python 2 and runs translated (--port shows it)", file=sys.stderr)
    tell(found.remarks, filename)
    return code


def tell(remarks: Iterable[tuple[int, str]], filename: str) -> None:
    """Say on stderr which lines of a script may mean something else than in Python 2."""
    for line, text in remarks:
        print(f"note: {filename}, line {line}: {text}", file=sys.stderr)
