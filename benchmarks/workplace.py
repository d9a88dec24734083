"""What the comparisons share: photos, LMDBs, a trained net, and scripts that are run."""

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from benchmarks.photos import draw_photos
from catdog.data.build.dataset import create
from catdog.data.build.photo_files import photos_in
from catdog.errors import CatdogError
from catdog.proto.caffe_pb2 import DatasetParameter, NetParameter
from catdog.spec import read_net, to_prototxt
from catdog.training.options import Options
from catdog.training.train import train

ROOT = Path(__file__).parent.parent
PEERS = Path(__file__).parent / "peers"


@dataclass
class Workplace:
    """A folder in which everything is made when it is first asked for.

    Args:
        folder: where; it may be thrown away afterwards.
        source: a folder of photos whose names begin with their class; drawn ones by default.
        count: how many photos to take.
        opencv4: the Python of an environment with OpenCV 4.
    """

    folder: Path
    source: Path | None = None
    count: int = 1000
    opencv4: Path = ROOT / ".venv-opencv4/bin/python"
    _lmdbs: dict[str, Path] = field(default_factory=dict)

    @cached_property
    def photos(self) -> Path:
        """A folder of `count` photos, or as many as there are."""
        taken = self.folder / "photos/train"
        if self.source is None:
            draw_photos(taken, self.count)
            return taken
        taken.mkdir(parents=True)
        found = photos_in(self.source)
        step = max(1, len(found) // self.count)
        for photo in found[::step][: self.count]:
            (taken / photo.name).symlink_to(photo.resolve())
        return taken

    @cached_property
    def by_class(self) -> Path:
        """The same photos in a folder for each class."""
        folders = self.folder / "by_class"
        for photo in photos_in(self.photos):
            folder = folders / photo.name.split(".")[0]
            folder.mkdir(parents=True, exist_ok=True)
            (folder / photo.name).symlink_to(photo.resolve())
        return folders

    def lmdb(self, size: int, *, equalize: bool = True) -> Path:
        """A folder with train_lmdb, validation_lmdb and mean.binaryproto of the photos."""
        name = f"lmdb{size}{'' if equalize else '_plain'}"
        if name not in self._lmdbs:
            create(self.photos.parent, self.folder / name, dataset(size, equalize=equalize))
            self._lmdbs[name] = self.folder / name
        return self._lmdbs[name]

    def net(self, name: str, size: int, batch: int) -> Path:
        """A net of net_specs/ that reads an LMDB of this size in batches of this size."""
        message, data = read_net(ROOT / "net_specs" / f"{name}.yaml").message, self.lmdb(size)
        for layer in message.layer:
            if layer.type == "Data":
                part = Path(layer.data_param.source).name
                layer.data_param.source = str(data / part)
                layer.data_param.batch_size = batch
                layer.transform_param.mean_file = str(data / "mean.binaryproto")
        return self._written(message, f"{name}_{size}_{batch}.prototxt")

    def solver(self, name: str, size: int, batch: int) -> Path:
        """A plain solver of such a net: momentum and decay, no tests, no snapshots."""
        path = self.folder / f"{name}_{size}_{batch}_solver.prototxt"
        path.write_text(
            f'net: "{self.net(name, size, batch)}" base_lr: 0.0001 lr_policy: "fixed" '
            "momentum: 0.9 weight_decay: 0.0005 max_iter: 1000000 random_seed: 1 "
            f'snapshot_after_train: false snapshot_prefix: "{self.folder / "runs" / name}"\n'
        )
        return path

    @cached_property
    def caffenet(self) -> Path:
        """A snapshot of CaffeNet after one iteration, 227 x 227; `caffenet_deploy.prototxt` and
        `mean.binaryproto` are beside it."""
        return self.snapshot("caffenet", 227)

    def snapshot(self, name: str, size: int) -> Path:
        """A snapshot of a net after one iteration, made once."""
        prefix = self.folder / "trained" / name
        found = prefix.with_name(f"{name}_iter_1.caffemodel")
        if not found.exists():
            overrides = ["max_iter=1", "snapshot_after_train=true", f"snapshot_prefix={prefix}"]
            train(self.solver(name, size, 2), Options(overrides=overrides))
        return found

    def _written(self, net: NetParameter, name: str) -> Path:
        path = self.folder / name
        path.write_text(to_prototxt(net))
        return path


def dataset(size: int, *, equalize: bool = True) -> DatasetParameter:
    """How tools/create_lmdb.py prepares photos."""
    return DatasetParameter(width=size, height=size, equalize=equalize, validation_every=6)


def script(name: str, arguments: Sequence[object], python: Path | None = None) -> float:
    """Run a script of peers/ and give the number that it prints last."""
    command = [python or sys.executable, PEERS / f"{name}.py", *arguments]
    done = subprocess.run(
        [str(word) for word in command],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    if done.returncode:
        raise CatdogError(done.stderr.strip().splitlines()[-1], where=str(command[1]))
    return float(done.stdout.split()[-1])
