"""The training loop (caffe/solver.cpp): emits records, prints nothing."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing, nullcontext
from enum import Enum
from pathlib import Path

import torch
from torch import Tensor

from catdog import lr_policy, updates
from catdog.debug_info import tracing
from catdog.errors import Diverged, Fault, SpecError, WeightsError
from catdog.evaluation import Batches, Means, TestNet, outputs
from catdog.net import Net, Result
from catdog.precision import Precision
from catdog.proto.caffe_pb2 import (
    FeedState,
    GeneratorState,
    NetParameter,
    RunState,
    SolverParameter,
)
from catdog.records import (
    DebugInfo,
    Display,
    Done,
    FinalLoss,
    NetTested,
    NetTesting,
    NetTestInterrupted,
    Record,
    Snapshotted,
    Solving,
    Stopped,
    Warned,
)
from catdog.snapshot import (
    State,
    learned_net,
    load_net,
    model_path,
    read_state,
    save_net,
    state_path,
    write_state,
)
from catdog.watch import ClassWatch, LossWatch, parameters_finite


class Action(Enum):
    """What a run can be asked to do between two iterations."""

    NONE = "none"
    STOP = "stop"
    SNAPSHOT = "snapshot"


def faults(solver: SolverParameter) -> list[Fault]:
    """Everything in a solver that cannot work, whatever its nets."""
    found = [*lr_policy.faults(solver), *updates.faults(solver)]
    for name, least in (("average_loss", 1), ("display", 0), ("snapshot", 0), ("max_iter", 0)):
        if getattr(solver, name) < least:
            found.append(Fault(f"{name} must be {least} or more", field=name))
    if solver.fresh_lr_mult < 0:
        found.append(Fault("fresh_lr_mult must be 0 or more", field="fresh_lr_mult"))
    if solver.test_interval < 0:
        found.append(Fault("test_interval must be 0 or more", field="test_interval"))
    if any(number < 1 for number in solver.test_iter):
        remedy = "leave test_iter out to test every example once"
        found.append(Fault("test_iter must be 1 or more", remedy, field="test_iter"))
    return found


class Solver:
    """Trains a net as a SolverParameter says.

    Args:
        param: the solver; paths of its nets do not matter here.
        net, feed: what is trained, on which data, both on one device.
        tests: test nets; they use the parameters of the trained one.
        emit: gets every record.
        request: is asked between iterations, and between the batches of a test, what to do.
        model: the message that snapshots carry, with all layers; the net's own by default.
        precision: in what the trained net computes; float32 by default.
        compiled: run the trained net through torch.compile.

    Raises SpecError with all faults of the solver. The loop raises Diverged.
    """

    def __init__(
        self,
        param: SolverParameter,
        net: Net,
        feed: Batches,
        tests: Sequence[TestNet] = (),
        *,
        emit: Callable[[Record], object] = lambda _: None,
        request: Callable[[], Action] = lambda: Action.NONE,
        model: NetParameter | None = None,
        precision: Precision | None = None,
        compiled: bool = False,
    ) -> None:
        found = faults(param)
        if found:
            raise SpecError(found)
        self.param, self.net, self.feed, self.tests = param, net, feed, list(tests)
        self.model = model or net.message
        self._precision = precision or Precision()
        self._run = torch.compile(net) if compiled else net
        self.iteration = 0
        self.stopped = False
        #: Layers that started fresh beside copied ones.
        self.fresh: tuple[str, ...] = ()
        self.update = updates.UPDATES[param.type](net.learnable, param)
        self._emit, self._request = emit, request
        self._losses: deque[Tensor] = deque(maxlen=param.average_loss)
        self._batch: Mapping[str, Tensor] = {}
        self._watch = LossWatch(net)
        self._class_watches = [ClassWatch(test.net) for test in self.tests]
        self._device = next((item.parameter.device for item in net.learnable), torch.device("cpu"))
        self._before_tests: list[FeedState] = []
        self._displayed, self._clock = 0, time.monotonic()
        for test in self.tests:
            test.net.share(net)

    def start_fresh(self, layers: Iterable[str]) -> None:
        """Say which layers started fresh beside copied ones: fresh_lr_mult raises their rates."""
        self.fresh = tuple(layers)
        factor = self.param.fresh_lr_mult
        if factor != 1 and not self.fresh:
            self._emit(Warned(f"fresh_lr_mult {factor:g} changes nothing: {_NONE_FRESH}"))
        self.update.multiply_rates(self.fresh, factor)

    def solve(self) -> None:
        """Train until max_iter or until asked to stop; snapshot, display and test at the end."""
        self._emit(Solving(self.net.name, self.param.lr_policy))
        for name in lr_policy.idle_fields(self.param):
            self._emit(Warned(f'lr_policy "{self.param.lr_policy}" does not look at {name}'))
        self.step(self.param.max_iter - self.iteration)
        if self.param.snapshot_after_train and not _due(self.iteration, self.param.snapshot):
            self.snapshot()
        if not self.stopped:
            self._last_look()
        self._emit(Stopped(self.iteration) if self.stopped else Done(self.iteration))

    def _last_look(self) -> None:
        """Show and test what the last update made of the net."""
        if _due(self.iteration, self.param.display):
            with torch.no_grad():
                self._take_loss(self._forward().loss)
            self._emit(FinalLoss(self.iteration, self._smoothed_loss()))
        if _due(self.iteration, self.param.test_interval):
            self.test_all()

    def step(self, iterations: int) -> None:
        """Train for some iterations, or until asked to stop."""
        end = self.iteration + iterations
        self.stopped = False
        self._displayed, self._clock = self.iteration, time.monotonic()
        while self.iteration < end and not self.stopped:
            first = self.iteration == 0 and not self.param.test_initialization
            if _due(self.iteration, self.param.test_interval) and not first:
                self.test_all()
            if not self.stopped:
                self._iterate()

    def _iterate(self) -> None:
        self._before_tests = []
        display = _due(self.iteration, self.param.display)
        result = self._forward_backward(debug=display and self.param.debug_info)
        rate = lr_policy.learning_rate(self.param, self.iteration)
        if display:
            self._display(result, rate)
        self._precision.apply(self.update, rate, self.iteration)
        asked = self._request()
        self.iteration += 1
        if _due(self.iteration, self.param.snapshot) or asked is Action.SNAPSHOT:
            self.snapshot()
        self.stopped = asked is Action.STOP

    def _forward_backward(self, *, debug: bool) -> Result:
        """The sums of gradients over iter_size passes, and the mean loss."""
        self.update.zero_grad()
        losses = []
        for _ in range(self.param.iter_size):
            with tracing(self.net) if debug else nullcontext() as trace:
                result = self._forward()
                if result.loss.requires_grad:
                    self._precision.backward(result.loss)
            losses.append(result.loss.detach())
            for line in trace.lines() if trace else ():
                self._emit(DebugInfo(line))
        self._take_loss(sum(losses[1:], losses[0]) / self.param.iter_size)
        return result

    def _forward(self) -> Result:
        self._batch = self.feed.next()
        with self._precision.context():
            result: Result = self._run(self._batch)
        return result

    def _take_loss(self, loss: Tensor) -> None:
        self._losses.append(loss)
        self._warn(self._watch.add(self.iteration, loss, self._batch))

    def _smoothed_loss(self) -> float:
        self._warn(self._watch.check(self._batch))
        return torch.stack(tuple(self._losses)).mean().item()

    def _display(self, result: Result, rate: float) -> None:
        loss = self._smoothed_loss()
        now = time.monotonic()
        self._emit(
            Display(
                iteration=self.iteration,
                iterations=self.iteration - self._displayed,
                seconds=now - self._clock,
                every=self.param.display,
                loss=loss,
                lr=rate,
                outputs=outputs(self.net, result.blobs),
            )
        )
        self._displayed, self._clock = self.iteration, now

    def test_all(self) -> None:
        """Test every test net, unless asked to stop in between."""
        self._before_tests = self._test_states()
        for index in range(len(self.tests)):
            if not self.stopped:
                self.test(index)

    @torch.no_grad()
    def test(self, index: int) -> None:
        """Means of a test net's outputs over a pass."""
        self._emit(NetTesting(self.iteration, index))
        test, watch = self.tests[index], self._class_watches[index]
        means = Means()
        with closing(test.batches()) as batches:
            for batch, weight in batches:
                self._answer_while_testing()
                if self.stopped:
                    self._emit(NetTestInterrupted(self.iteration, index))
                    return
                with tracing(test.net) if self.param.debug_info else nullcontext() as trace:
                    result = test.net(batch, keep=watch.blobs)
                for line in trace.forward_lines() if trace else ():
                    self._emit(DebugInfo(line))
                watch.add(result.blobs)
                means.add({n: result.blobs[n] for n in test.net.outputs}, result.loss, weight)
        loss = means.loss() if self.param.test_compute_loss else None
        self._emit(NetTested(self.iteration, index, outputs(test.net, means.blobs()), loss))
        self._warn(watch.finish(self.iteration))

    def _answer_while_testing(self) -> None:
        while not self.stopped and (asked := self._request()) is not Action.NONE:
            if asked is Action.SNAPSHOT:
                self.snapshot()
            self.stopped = asked is Action.STOP

    def snapshot(self) -> None:
        """Write weights and state under snapshot_prefix.

        Raises Diverged, and writes nothing, when a parameter is no number.
        """
        self._warn(self._watch.check(self._batch))
        if not parameters_finite(self.net):
            raise Diverged(
                "a parameter is no number; no snapshot is written",
                where=f"iteration {self.iteration}",
                remedy="lower base_lr, or set clip_gradients",
            )
        hdf5 = self.param.snapshot_format == SolverParameter.HDF5
        model = model_path(self.param.snapshot_prefix, self.iteration, hdf5=hdf5)
        state = state_path(model)
        save_net(model, self.net, self.model, diff=self.param.snapshot_diff)
        write_state(state, self._state(str(model)))
        self._emit(Snapshotted(self.iteration, str(model), str(state), hdf5))

    def restore(self, path: Path) -> None:
        """Go on from a state file of ours, exactly, or of Caffe's, its data from the start."""
        state = read_state(path)
        load_net(self.net, learned_net(path, state))
        try:
            self.update.load_history([torch.from_numpy(array) for array in state.history])
        except WeightsError as error:
            error.where = str(path)
            raise
        self.iteration = state.iteration
        run = state.run
        self.start_fresh(run.fresh)
        randomness = self.net.setting.randomness
        # a run may go on on a machine without the GPU that it began on
        states = {each.device: each.state for each in run.generator}
        randomness.load_state({d: s for d, s in states.items() if _is_here(torch.device(d))})
        if run.HasField("train"):
            self.feed.load_state(run.train.source)
        for test, feed in zip(self.tests, run.test, strict=False):
            test.feed.load_state(feed.source)
        if run.HasField("loss_scale"):
            self._precision.load_loss_scale(run.loss_scale)
        losses = torch.tensor(list(run.recent_loss), device=self._device)
        self._losses = deque(losses.unbind(), maxlen=self.param.average_loss)

    def _state(self, model: str) -> State:
        """The state after `iteration` updates; Caffe's current_step is that of the last one."""
        randomness = self.net.setting.randomness.state()
        return State(
            iteration=self.iteration,
            current_step=lr_policy.drops(self.param, max(0, self.iteration - 1)),
            learned_net=model,
            history=[blob.cpu().numpy() for blob in self.update.history()],
            run=RunState(
                generator=[GeneratorState(device=d, state=s) for d, s in randomness.items()],
                train=FeedState(source=self.feed.state()),
                # tests that were not finished are begun again
                test=self._before_tests or self._test_states(),
                fresh=self.fresh,
                loss_scale=self._precision.loss_scale,
                recent_loss=torch.stack(tuple(self._losses)).tolist() if self._losses else [],
            ),
        )

    def _test_states(self) -> list[FeedState]:
        return [FeedState(source=test.feed.state()) for test in self.tests]

    def _warn(self, what: str) -> None:
        if what:
            self._emit(Warned(what))


_NONE_FRESH = "no layer started fresh beside copied ones"


def _due(iteration: int, interval: int) -> bool:
    return interval > 0 and iteration % interval == 0


def _is_here(device: torch.device) -> bool:
    return device.type == "cpu" or (device.index or 0) < torch.cuda.device_count()
