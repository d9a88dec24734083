"""caffe.SGDSolver and its sisters: training on blobs that a program reads and writes.

Runs net and update in the order of caffe/solver.cpp; a loss that is no number does not stop it.
"""

import os
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator
from math import ceil
from typing import ClassVar

import numpy as np
import torch

from catdog.errors import CatdogError, Fault, SpecError
from catdog.net.resolved import resolve_nets
from catdog.proto.caffe_pb2 import SolverParameter
from catdog.pycaffe import files, glog
from catdog.pycaffe.mode import mode
from catdog.pycaffe.nccl import NCCL
from catdog.pycaffe.net import Net
from catdog.pycaffe.unit import DataUnit
from catdog.solver import lr_policy, updates
from catdog.solver.average_precision import DetectionScores, is_judged, scores_detections
from catdog.solver.events import (
    Display,
    Done,
    Event,
    FinalLoss,
    NetTested,
    NetTesting,
    Output,
    Snapshotted,
    Solving,
    Warned,
)
from catdog.solver.faults import solver_faults
from catdog.solver.loss_plateau import LossPlateau
from catdog.solver.snapshot_search import find
from catdog.solver.solverstate import (
    TrainingState,
    learned_net,
    model_path,
    read_state,
    state_path,
    write_state,
)
from catdog.spec import Spec, read_solver
from catdog.spec.solver_nets import net_faults
from catdog.tracking.log_writer import lines

PathLike = str | os.PathLike[str]
Callback = Callable[[], object]


class Solver:
    """A solver from a file or its spec: trains `net`, tests `test_nets`, which share parameters.

    Raises CatdogError for files that are not there or cannot work.
    """

    #: The solver's type where the class says it; else the file does.
    kind: ClassVar[str] = ""

    def __init__(self, solver_file: PathLike | Spec[SolverParameter]) -> None:
        spec = solver_file if isinstance(solver_file, Spec) else read_solver(os.fspath(solver_file))
        self.param = spec.message
        if self.kind:
            self.param.type = self.kind
        with spec.located():
            found = [*solver_faults(self.param), *net_faults(self.param), *_strangers(self.param)]
            if found:
                raise SpecError(found)
        if self.param.random_seed >= 0:
            mode.seed(self.param.random_seed + mode.solver_rank)
        if self.param.snapshot_best:
            self._say(Warned("snapshot_best is for tools/train.py: no best weights are written"))
        trained, *tests = resolve_nets(spec)
        self.net = Net.of(trained)
        self.test_nets = [Net.of(test) for test in tests]
        self._test_iterations = [
            test.iterations or _one_pass(net)
            for test, net in zip(tests, self.test_nets, strict=True)
        ]
        for test_net in self.test_nets:
            test_net.share_with(self.net)
        self.iter = 0
        self._plateau = LossPlateau(self.param, self._say)
        self._update = self._new_update()
        self._losses: deque[float] = deque(maxlen=self.param.average_loss)
        self._callbacks: list[tuple[Callback, Callback]] = []
        self._displayed, self._clock = 0, time.monotonic()

    def _new_update(self) -> updates.Update:
        self._bind()
        return updates.UPDATES[self.param.type](self.net.built.core.learnable, self.param)

    @property
    def lr(self) -> float:
        """The learning rate of this iteration."""
        return lr_policy.learning_rate(self.param, self.iter, self._plateau.drops)

    def solve(self, resume_file: PathLike | None = None) -> None:
        """Train until max_iter, from a snapshot if one is given."""
        self._say(Solving(self.net.built.core.name, self.param.lr_policy))
        if resume_file is not None:
            self.restore(resume_file)
        self.step(self.param.max_iter - self.iter)
        if self.param.snapshot_after_train and not _due(self.iter, self.param.snapshot):
            self.snapshot()
        if _due(self.iter, self.param.display):
            self._take_loss(self.net.forward_prefilled())
            self._say(FinalLoss(self.iter, self._smoothed_loss()))
        if _due(self.iter, self.param.test_interval):
            self._test_all()
        self._say(Done(self.iter))

    def step(self, iterations: int) -> None:
        """Train for some iterations."""
        end = self.iter + iterations
        self._displayed, self._clock = self.iter, time.monotonic()
        while self.iter < end:
            self.net.clear_param_diffs()
            first = self.iter == 0 and not self.param.test_initialization
            if _due(self.iter, self.param.test_interval) and not first:
                self._test_all()
            for on_start, _ in self._callbacks:
                on_start()
            loss = sum(self._forward_backward() for _ in range(self.param.iter_size))
            self._take_loss(loss / self.param.iter_size)
            self._plateau.look(self.iter, self._smoothed_loss)
            if _due(self.iter, self.param.display):
                self._display()
            for _, on_gradients in self._callbacks:
                on_gradients()
            self.apply_update()
            self.iter += 1
            if _due(self.iter, self.param.snapshot):
                self.snapshot()

    def _forward_backward(self) -> float:
        loss = self.net.forward_prefilled()
        self.net.backward()
        return loss

    def _take_loss(self, loss: float) -> None:
        self._losses.append(loss)

    def _smoothed_loss(self) -> float:
        return sum(self._losses) / len(self._losses)

    def apply_update(self) -> None:
        """Turn the diffs of the parameters into an update and subtract it."""
        self._bind()
        blobs = self.net.built.learnable
        for state in self._update.state.values():
            # the mode may have changed since the last update
            state["history"] = [blob.to(mode.device) for blob in state["history"]]
        for item, blob in zip(self._update.learnable, blobs, strict=True):
            # a copy: the rules use their gradients up
            item.parameter.grad = blob.diff_tensor(mode.device).clone().view(item.parameter.shape)
        self._update.apply(self.lr, self.iter)
        for item, blob in zip(self._update.learnable, blobs, strict=True):
            blob.data_memory.changed_on(mode.device)
            if self.param.snapshot_diff and item.parameter.grad is not None:
                blob.put_diff(item.parameter.grad)

    def _bind(self) -> None:
        """Have the parameters lie where the blobs have their numbers."""
        built = self.net.built
        for item, blob in zip(built.core.learnable, built.learnable, strict=True):
            item.parameter.data = blob.tensor(mode.device).view(item.parameter.shape)

    def add_callback(
        self, on_start: Callback | NCCL, on_gradients: Callback = lambda: None
    ) -> None:
        """Have functions called before each iteration, and when its gradients are there.

        The one solver of an NCCL, which Caffe takes here too, has nothing to exchange.
        """
        if not isinstance(on_start, NCCL):
            self._callbacks.append((on_start, on_gradients))

    def share_weights(self, net: Net) -> None:
        """Have another net use the parameters of this solver's."""
        net.share_with(self.net)

    def snapshot(self) -> None:
        """Write weights and state under snapshot_prefix."""
        hdf5 = self.param.snapshot_format == SolverParameter.HDF5
        prefix = self.param.snapshot_prefix or "snapshot"
        model = model_path(prefix, self.iter, hdf5=hdf5)
        state = state_path(model)
        files.save(self.net.built, str(model), as_hdf5=hdf5, diff=self.param.snapshot_diff)
        write_state(state, self._state(str(model)))
        self._say(Snapshotted(self.iter, str(model), str(state), hdf5))

    def _state(self, model: str) -> TrainingState:
        plateau = self._plateau
        return TrainingState(
            iteration=self.iter,
            current_step=plateau.drops or lr_policy.drops(self.param, max(0, self.iter - 1)),
            learned_net=model,
            history=[blob.detach().cpu().numpy() for blob in self._update.history()],
            minimum_loss=plateau.least,
            iter_last_event=plateau.since,
        )

    def restore(self, filename: PathLike) -> None:
        """Go on from a .solverstate; the data begin anew, as Caffe's do."""
        path = find(os.fspath(filename))
        state = read_state(path)
        self.net.copy_from(learned_net(path, state))
        history = [torch.from_numpy(np.array(array)) for array in state.history]
        self._update.load_history(history)
        self.iter = state.iteration
        self._plateau.load(state.current_step, state.minimum_loss, state.iter_last_event)

    def _test_all(self) -> None:
        for index in range(len(self.test_nets)):
            self._test(index)

    def _test(self, index: int) -> None:
        """Means of a test net's outputs over its iterations."""
        self._say(NetTesting(self.iter, index))
        net, count = self.test_nets[index], self._test_iterations[index]
        loss, rows, judged = 0.0, [], self._judged(net)
        for _ in range(count):
            loss += net.forward_prefilled()
            for name, scores in judged.items():
                scores.add(net.blobs[name].tensor())
            rows.append([output.value for output in _outputs(net, judged)])
        means = np.mean(rows, axis=0) if rows else ()
        found = tuple(
            Output(output.name, float(mean), output.loss_weight)
            for output, mean in zip(_outputs(net, judged), means, strict=False)
        )
        version = self.param.ap_version
        found += tuple(Output(name, scores.mean(version)) for name, scores in judged.items())
        shown = loss / count if self.param.test_compute_loss else None
        self._say(NetTested(self.iter, index, found, shown))

    def _judged(self, net: Net) -> dict[str, DetectionScores]:
        """The outputs that are scored as detections, as SSD's eval_type says."""
        if not scores_detections(self.param):
            return {}
        names = (name for name in net.outputs if is_judged(net.blobs[name].shape))
        return {name: DetectionScores() for name in names}

    def _display(self) -> None:
        now = time.monotonic()
        self._say(
            Display(
                iteration=self.iter,
                iterations=self.iter - self._displayed,
                seconds=now - self._clock,
                every=self.param.display,
                loss=self._smoothed_loss(),
                lr=self.lr,
                outputs=tuple(_outputs(self.net)),
            )
        )
        self._displayed, self._clock = self.iter, now

    def _say(self, event: Event) -> None:
        for line in lines(event):
            glog.line(*line)


class SGDSolver(Solver):
    """Stochastic gradient descent with momentum."""

    kind = "SGD"


class NesterovSolver(Solver):
    """Nesterov's accelerated gradient."""

    kind = "Nesterov"


class AdaGradSolver(Solver):
    """AdaGrad."""

    kind = "AdaGrad"


class RMSPropSolver(Solver):
    """RMSProp."""

    kind = "RMSProp"


class AdaDeltaSolver(Solver):
    """AdaDelta."""

    kind = "AdaDelta"


class AdamSolver(Solver):
    """Adam."""

    kind = "Adam"


_KINDS: dict[str, type[Solver]] = {
    kind.kind: kind
    for kind in (
        SGDSolver,
        NesterovSolver,
        AdaGradSolver,
        RMSPropSolver,
        AdaDeltaSolver,
        AdamSolver,
    )
}


def get_solver(solver_file: PathLike) -> Solver:
    """The solver of a file, of the class that its `type` says."""
    spec = read_solver(os.fspath(solver_file))
    return _KINDS.get(spec.message.type, Solver)(spec)


def _strangers(param: SolverParameter) -> Iterator[Fault]:
    """Fields of ours that belong to tools/train.py."""
    for name in _STRANGERS:
        field = param.DESCRIPTOR.fields_by_name[name]
        given, default = getattr(param, name), field.default_value
        if len(given) if field.is_repeated else given != default:
            yield Fault(f"{name} is for tools/train.py", "leave it out", field=name)
    if lr_policy.drops_by_tests(param):
        what = f"lr_policy {lr_policy.PLATEAU} with plateau_patience is for tools/train.py"
        yield Fault(what, "take another, or give plateau_winsize", field="lr_policy")


_STRANGERS = (
    *("fresh_lr_mult", "cache_features", "snapshot_keep", "watched_score"),
    *("early_stop_patience", "ema_decay", "unfreeze"),
)


def _one_pass(net: Net) -> int:
    """Batches in a pass over the net's data."""
    for unit in net.built.units:
        if isinstance(unit, DataUnit) and unit.source.size:
            return ceil(unit.source.size / unit.tops[0].shape[0])
    raise CatdogError("the data of a test net have no end", remedy="give test_iter in the solver")


def _outputs(net: Net, without: Collection[str] = ()) -> Iterator[Output]:
    """Every number of the net's outputs but some, in Caffe's order."""
    weights = net.blob_loss_weights
    for name in net.outputs:
        if name not in without:
            for value in net.blobs[name].tensor().flatten().tolist():
                yield Output(name, value, weights[name])


def _due(iteration: int, interval: int) -> bool:
    return interval > 0 and iteration % interval == 0
