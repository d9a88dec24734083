"""The snapshots of one run on disk: weights, their average, the state; the best; which stay."""

import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from catdog.errors import Diverged, Unwritable, some_of
from catdog.net.net import Net
from catdog.proto.caffe_pb2 import NetParameter, RunState, ScoreState, SolverParameter
from catdog.runtime.checksum import sha256_of
from catdog.runtime.distributed.group import ALONE, Group
from catdog.runtime.files import keep, remove_leftovers
from catdog.solver.divergence import parameters_finite
from catdog.solver.ema import Average
from catdog.solver.events import Best, Snapshotted
from catdog.solver.solverstate import (
    TrainingState,
    average_path,
    best_path,
    learned_net,
    leftovers,
    load_net,
    model_path,
    save_net,
    snapshot_files,
    state_path,
    write_state,
)
from catdog.weights import Mark, read_mark


class Snapshots:
    """Writes the snapshots of a run and takes away those that snapshot_keep does not keep.

    Args:
        net, average: what is written, and its moving average.
        model: the message that weight files carry.
        group: the processes that train together; of several only one writes.
    """

    def __init__(
        self,
        param: SolverParameter,
        net: Net,
        average: Average,
        model: NetParameter,
        group: Group = ALONE,
    ) -> None:
        self._param, self._net, self._average, self._model = param, net, average, model
        self._writes = group.leads
        #: The random name of the run, which all its files carry; a resume goes on with it.
        self.run = group.gather(secrets.token_hex(4))[0]
        self._hdf5 = param.snapshot_format == SolverParameter.HDF5
        #: The iterations of those that stand.
        self.kept: list[int] = []
        self._begins = True
        #: Best weights that are not this run's.
        self._strangers = list(self._bests())
        #: The run's own snapshots of later iterations than it goes on from.
        self._left: list[Path] = []

    def begin(self) -> None:
        """Put the best weights of another run aside, under the next free name; once."""
        if not self._begins:
            return
        self._begins = False
        if self._writes:
            remove_leftovers(*leftovers(self._param.snapshot_prefix))
            for path in (*self._strangers, *self._left):
                keep(path)

    def write(self, iteration: int, state: Callable[[str], TrainingState]) -> Snapshotted:
        """Weights, their average and the state that is made for a file of weights.

        Raises Diverged, and writes nothing, when a parameter is not finite, and Unwritable.
        """
        self._check_finite(iteration)
        self.begin()
        before = self.kept
        try:
            return self._write(iteration, state)
        except Unwritable:
            self.kept = before
            if self._writes and iteration not in before:
                # half of a snapshot takes room that the next one needs; one that stood here whole
                # is what the run goes on from
                self._remove([iteration])
            raise

    def _write(self, iteration: int, state: Callable[[str], TrainingState]) -> Snapshotted:
        model = self._model_path(iteration)
        self.kept = [at for at in self.kept if at != iteration] + [iteration]
        gone = self.kept[: -self._param.snapshot_keep] if self._param.snapshot_keep else []
        self.kept = self.kept[len(gone) :]
        now = state(str(model))
        if self._writes:
            marked = self._marked(iteration)
            with self._average.applied(False):
                save_net(model, self._net, marked, diff=self._param.snapshot_diff)
            if self._average:
                with self._average.applied():
                    save_net(average_path(model), self._net, marked)
            self._write_state(model, now)
            self._remove(gone)
        return Snapshotted(iteration, str(model), str(state_path(model)), self._hdf5)

    def renew_state(self, iteration: int, state: Callable[[str], TrainingState]) -> None:
        """Write the state of a snapshot anew, where that stands."""
        if iteration not in self.kept:
            return
        model = self._model_path(iteration)
        # every process has its part in it
        now = state(str(model))
        if self._writes:
            self._write_state(model, now)

    def _write_state(self, model: Path, state: TrainingState) -> None:
        """Write the state, the last of a snapshot, with the digests of the files before it."""
        run = state.run
        run.id, run.written = self.run, time.time()
        run.weights_sha256 = sha256_of(model)
        if self._average:
            run.average_sha256 = sha256_of(average_path(model))
        write_state(state_path(model), state)

    def _marked(self, iteration: int) -> NetParameter:
        """The message of weight files that are written now."""
        marked = NetParameter()
        marked.CopyFrom(self._model)
        marked.run, marked.iteration = self.run, iteration
        return marked

    def write_best(self, iteration: int, name: str, value: float) -> Best:
        """The weights, or their average, as the best so far. Raises as `write`."""
        self._check_finite(iteration)
        self.begin()
        path = best_path(self._param.snapshot_prefix, hdf5=self._hdf5)
        if self._writes:
            with self._average.applied():
                save_net(path, self._net, self._marked(iteration))
        return Best(iteration, name, value, str(path))

    def store(self, run: RunState) -> None:
        """Put the state that a resume needs into a snapshot."""
        run.kept.extend(self.kept)
        if self._average:
            run.averaged = self._average.updates

    def load(self, path: Path, state: TrainingState) -> None:
        """Go on from a state file, whose weights the net has by now.

        An average that the snapshot has none of begins there. Raises WeightsError where it has one
        and its file is not there.
        """
        self.run = state.run.id or self.run
        mine = state_path(self._model_path(state.iteration))
        if path.resolve() == mine.resolve():
            self.kept = list(state.run.kept)
        self._average.restart()
        if self._average and state.run.HasField("averaged"):
            with self._average.applied():
                load_net(self._net, average_path(learned_net(path, state)))
            self._average.updates = state.run.averaged

    def leave_later(self, iteration: int) -> str:
        """Put snapshots of later iterations aside when the run begins; gives what to say of them.

        They are what became of the run before it went on from an earlier one: `auto` must not go on
        from them.
        """
        prefix = self._param.snapshot_prefix
        later = {at for at, _ in snapshot_files(prefix) if at > iteration}
        mine = {at for at in later if self._wrote(at)}
        self._left = [path for at, path in snapshot_files(prefix) if at in mine]
        if not mine:
            return ""
        which = some_of(map(str, sorted(mine)))
        return f"its snapshots of later iterations ({which}) are put aside when it goes on"

    def _wrote(self, iteration: int) -> bool:
        """Whether the weights of an iteration are this run's."""
        paths = (model_path(self._param.snapshot_prefix, iteration, hdf5=h) for h in (False, True))
        return any(path.is_file() and read_mark(path).run == self.run for path in paths)

    def check_best(
        self, state: TrainingState, best: ScoreState | None, *, tested: bool
    ) -> tuple[bool, str]:
        """Whether the best weights of a state that the run goes on from are lost, and what to say.

        Those of others are put aside when the run begins. `tested`: the iteration of the state is
        tested again, so that its weights may be there already: that test tells whether they are
        the best.
        """
        self._strangers = []
        if not state.run.id:
            return False, ""
        named = {Mark(self.run, best.iteration)} if best else set()
        again = {Mark(self.run, state.iteration)} - named if tested else set()
        fitting = named | again
        found = {path: read_mark(path) for path in self._bests()}
        self._strangers = [path for path, mark in found.items() if mark not in fitting]
        wanted = best_path(self._param.snapshot_prefix, hdf5=self._hdf5)
        if wanted in found and wanted not in self._strangers:
            return found[wanted] in again, ""
        told = ", ".join(f"{path.name} ({_whose(found[path])})" for path in self._strangers)
        aside = f"{told} is put aside: it is not the best of this snapshot" if told else ""
        lost = f"its best, of iteration {best.iteration}, is not there" if best else ""
        next_ = f"{lost}: the next test is the best until a better one" if lost else ""
        told = "; ".join(filter(None, (aside, next_)))
        return bool(told), told

    def _bests(self) -> Iterator[Path]:
        """The best weights that are there, in both forms."""
        paths = (best_path(self._param.snapshot_prefix, hdf5=each) for each in (False, True))
        return (path for path in paths if path.exists())

    def _model_path(self, iteration: int) -> Path:
        return model_path(self._param.snapshot_prefix, iteration, hdf5=self._hdf5)

    def _check_finite(self, iteration: int) -> None:
        with self._average.applied(False):
            finite = parameters_finite(self._net)
        if not finite:
            raise Diverged(
                "a parameter is no number; no snapshot is written",
                where=f"iteration {iteration}",
                remedy="lower base_lr, or set clip_gradients",
            )

    def _remove(self, iterations: Iterable[int]) -> None:
        """Take snapshots away, the state first: what lacks it is not taken for a whole one."""
        for model in map(self._model_path, iterations):
            for path in (state_path(model), average_path(model), model):
                path.unlink(missing_ok=True)


def _whose(mark: Mark) -> str:
    return f"iteration {mark.iteration} of run {mark.run}" if mark.run else "of an unknown run"
