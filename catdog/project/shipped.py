"""The nets and solvers that ship with catdog, by name."""

from pathlib import Path

NETS, SOLVERS = "net_specs", "solvers"
_PACKAGE = Path(__file__).resolve().parents[1]


def find_net(name: str | Path) -> Path:
    """The file of a net; where there is none of a name, the name as it was written."""
    return _find(Path(name), NETS)


def find_solver(name: str | Path) -> Path:
    """The file of a solver, as `find_net`."""
    return _find(Path(name), SOLVERS)


def is_shipped(path: Path) -> bool:
    """Whether a file is one of those that ship."""
    return path.is_file() and path.parent in (_folder(NETS), _folder(SOLVERS))


def _find(name: Path, kind: str) -> Path:
    shipped = _folder(kind) / f"{name.stem}.yaml"
    named = name.suffix in ("", ".yaml") and str(name.parent) in (".", kind)
    return name if name.is_file() or not (named and shipped.is_file()) else shipped


def _folder(kind: str) -> Path:
    # in a checkout they stand at its top
    inside = _PACKAGE / kind
    return inside if inside.is_dir() else _PACKAGE.parent / kind
