"""The snapshots of one run on disk: weights, their average, the state; the best; which stay."""

from collections.abc import Callable, Iterable
from pathlib import Path

from catdog.errors import Diverged
from catdog.net.net import Net
from catdog.proto.caffe_pb2 import NetParameter, RunState, SolverParameter
from catdog.runtime.files import free_name
from catdog.solver.divergence import parameters_finite
from catdog.solver.ema import Average
from catdog.solver.events import Best, Snapshotted
from catdog.solver.solverstate import (
    TrainingState,
    average_path,
    best_path,
    learned_net,
    load_net,
    model_path,
    save_net,
    state_path,
    write_state,
)


class Snapshots:
    """Writes the snapshots of a run and takes away those that snapshot_keep does not keep.

    Args:
        net, average: what is written, and its moving average.
        model: the message that weight files carry.
        writes: whether this process writes; of several only one does.
    """

    def __init__(
        self,
        param: SolverParameter,
        net: Net,
        average: Average,
        model: NetParameter,
        *,
        writes: bool = True,
    ) -> None:
        self._param, self._net, self._average, self._model = param, net, average, model
        self._writes = writes
        self._hdf5 = param.snapshot_format == SolverParameter.HDF5
        #: The iterations of those that stand.
        self.kept: list[int] = []
        self._begins = True

    def begin(self) -> None:
        """Put the best weights of an earlier run aside, under the next free name; once."""
        best = best_path(self._param.snapshot_prefix, hdf5=self._hdf5)
        if self._begins and self._writes and best.exists():
            best.rename(free_name(best))
        self._begins = False

    def write(self, iteration: int, state: Callable[[str], TrainingState]) -> Snapshotted:
        """Weights, their average and the state that is made for a file of weights.

        Raises Diverged, and writes nothing, when a parameter is not finite.
        """
        self._check_finite(iteration)
        self.begin()
        model = self._model_path(iteration)
        self.kept = [at for at in self.kept if at != iteration] + [iteration]
        gone = self.kept[: -self._param.snapshot_keep] if self._param.snapshot_keep else []
        self.kept = self.kept[len(gone) :]
        now = state(str(model))
        if self._writes:
            with self._average.applied(False):
                save_net(model, self._net, self._model, diff=self._param.snapshot_diff)
            if self._average:
                with self._average.applied():
                    save_net(average_path(model), self._net, self._model)
            write_state(state_path(model), now)
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
            write_state(state_path(model), now)

    def write_best(self, iteration: int, name: str, value: float) -> Best:
        """The weights, or their average, as the best so far. Raises as `write`."""
        self._check_finite(iteration)
        self.begin()
        path = best_path(self._param.snapshot_prefix, hdf5=self._hdf5)
        if self._writes:
            with self._average.applied():
                save_net(path, self._net, self._model)
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
        self._begins = False
        mine = state_path(self._model_path(state.iteration))
        if path.resolve() == mine.resolve():
            self.kept = list(state.run.kept)
        self._average.restart()
        if self._average and state.run.HasField("averaged"):
            with self._average.applied():
                load_net(self._net, average_path(learned_net(path, state)))
            self._average.updates = state.run.averaged

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
