"""The wheel is the whole product: python -m tests.wheel dist (`make wheel-test`).

The wheel must hold each file of the tree that belongs to it and no other. It is installed with what
it depends on into a fresh environment outside the tree, and used in an empty folder there.
"""

import os
import re
import subprocess
import sys
import tarfile
import tempfile
import time
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

from tests.project.photos import write_photos

ROOT = Path(__file__).parent.parent
#: Folders of the tree, and where the wheel has them.
PLACES = {
    "catdog": "catdog",
    "tools": "catdog/tools",
    "net_specs": "catdog/net_specs",
    "solvers": "catdog/solvers",
}
EXTRAS = "report"
PYCAFFE = """
import sys
import caffe
import numpy as np
caffe.set_mode_cpu()
net = caffe.Net(sys.argv[1], sys.argv[2], caffe.TEST)
for blob in net.inputs:
    net.blobs[blob].data[...] = np.random.default_rng(0).normal(size=net.blobs[blob].data.shape)
prob = net.forward()["prob"]
assert prob.shape[1] == 2 and np.allclose(prob.sum(1), 1), prob
print(caffe.__file__)
"""


def main() -> None:
    """Check the archives of a folder, then install the wheel and use it."""
    dist = Path(sys.argv[1]).resolve()
    (wheel,) = dist.glob("*.whl")
    (source,) = dist.glob("*.tar.gz")
    began = time.monotonic()
    check_files(wheel, source)
    with tempfile.TemporaryDirectory(prefix="wheel-test-") as folder:
        installed = Installed(Path(folder).resolve())
        installed.install(wheel)
        use(installed)
    print(f"the wheel is whole: {time.monotonic() - began:.0f} s")


def check_files(wheel: Path, source: Path) -> None:
    """The wheel, which was built from the source archive, has what the tree has."""
    wanted = set(files_of_tree())
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
        assert any(name.endswith("licenses/LICENSE") for name in archive.namelist())
    assert names == wanted, f"not in the tree or not in the wheel: {sorted(names ^ wanted)}"
    assert {"catdog/py.typed", "catdog/net_specs/deep64.yaml", "catdog/tools/fit.py"} <= names
    with tarfile.open(source) as archive:
        packed = {name.partition("/")[2] for name in archive.getnames()}
    tops = {"README.md", "LICENSE", "setup.cfg", "pyproject.toml"}
    lacking = (tops | {in_tree(name) for name in wanted}) - packed
    assert not lacking, f"not in the source archive: {sorted(lacking)}"
    print(f"{wheel.name}: {len(names)} files, as in the tree")


def files_of_tree() -> Iterator[str]:
    """The files that belong into the wheel, by their names there."""
    for folder, place in PLACES.items():
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                yield f"{place}/{path.relative_to(ROOT / folder)}"


def in_tree(name: str) -> str:
    """Where the tree has a file of the wheel."""
    folder, place = max(PLACES.items(), key=lambda each: len(each[1]) * name.startswith(each[1]))
    return folder + name.removeprefix(place)


class Installed:
    """A fresh environment, and an empty folder in which its commands run."""

    def __init__(self, folder: Path) -> None:
        self.home, self.folder = folder / "environment", folder / "work"
        self.folder.mkdir()
        # of this process's surroundings nothing that leads to the tree
        self.around = {
            key: value
            for key, value in os.environ.items()
            if not key.startswith(("PYTHON", "VIRTUAL_ENV", "COV_"))
        }
        self.around["PATH"] = f"{self.home}/bin:{os.environ['PATH']}"

    def install(self, wheel: Path) -> None:
        """Make the environment and put the wheel into it, with what it depends on."""
        venv.create(self.home, with_pip=True)
        self.run(
            "python",
            "-m",
            "pip",
            "install",
            "-q",
            "--disable-pip-version-check",
            f"{wheel}[{EXTRAS}]",
        )

    def run(self, *words: object, code: int = 0) -> str:
        """The output of a command, which must end with this code; fails loudly otherwise."""
        command = [str(word) for word in words]
        began = time.monotonic()
        done = subprocess.run(
            [str(self.home / "bin" / command[0]), *command[1:]],
            cwd=self.folder,
            env=self.around,
            capture_output=True,
            text=True,
            check=False,
        )
        told = done.stdout + done.stderr
        print(f"$ {' '.join(command)}   ({time.monotonic() - began:.0f} s)", flush=True)
        if done.returncode != code:
            sys.exit(f"{told[-4000:]}\nended with exit code {done.returncode}, not {code}")
        return told

    def has(self, *names: str) -> Path:
        """The last of these files of the folder, all of which must be there."""
        lacking = [name for name in names if not (self.folder / name).exists()]
        assert not lacking, f"was not made: {lacking}"
        return self.folder / names[-1]


def use(installed: Installed) -> None:
    """What a person does with it, from the first command on."""
    run = installed.run
    assert re.search(r"\d+\.\d+", run("catdog", "--version"))
    listed = run("catdog", "list").split()
    assert {
        path.stem for kind in ("net_specs", "solvers") for path in (ROOT / kind).glob("*.yaml")
    } <= set(listed)
    told = run("catdog", "train", "--solver", "quik", code=2)
    assert told.count("\n") == 1 and 'did you mean "quick"?' in told
    run("catdog", "demo", "--iterations", 100)
    made = ("curve.png", "predictions.png", "submission.csv", "snapshots/small/train.log")
    installed.has(*(f"demo/{name}" for name in made))
    assert f"{installed.home}" in installed.has("demo/snapshots/small/train.log").read_text()
    use_as_caffe(installed)
    write_photos(installed.folder / "photos", count=20)
    run("catdog", "fit", "photos", "--net", "small64", "--epochs", 2)
    installed.has("photos_fit/report.html", "photos_fit/curve.png", "photos_fit/README.md")


def use_as_caffe(installed: Installed) -> None:
    """The command `caffe` and a script that imports it, on what the demo made."""
    run, snapshots = installed.run, installed.folder / "demo/snapshots/small"
    (installed.folder / "script.py").write_text(PYCAFFE)
    (deploy,) = snapshots.glob("*deploy.prototxt")
    weights = max(snapshots.glob("*.caffemodel"), key=lambda path: path.stat().st_mtime)
    told = run("python", "-m", "catdog.pycaffe", "script.py", deploy, weights)
    assert str(installed.home) in told, told
    told = run("caffe", "time", "-model", "small64", "-iterations=1")
    assert "*** Benchmark ends ***" in told and "ships with catdog" in told
    assert run("caffe", "trian", code=1).startswith("caffe: command line brew")


if __name__ == "__main__":
    main()
