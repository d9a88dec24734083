"""The training loop (caffe/solver.cpp): emits events, prints nothing."""

import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing, nullcontext
from pathlib import Path

import torch
from torch import Tensor

from catdog.errors import Diverged, LayerError, SpecError, WeightsError
from catdog.net.debug_info import tracing
from catdog.net.net import Net, Result
from catdog.proto.caffe_pb2 import (
    NetParameter,
    OverfittingState,
    RunState,
    SolverParameter,
)
from catdog.runtime.distributed.group import ALONE, Group
from catdog.solver import lr_policy, random_state, updates
from catdog.solver.action import Action, of_any
from catdog.solver.average_precision import ap_version_of
from catdog.solver.divergence import (
    FIRST_RECORD,
    MEND_RECORD,
    DivergenceDetector,
    SingleClassDetector,
)
from catdog.solver.early_stopping import Ending
from catdog.solver.ema import Average
from catdog.solver.engine import Engine
from catdog.solver.events import (
    DebugInfo,
    Display,
    Done,
    FinalLoss,
    Iterating,
    Listener,
    NetTested,
    NetTestedBatch,
    NetTesting,
    NetTestInterrupted,
    Noted,
    NotSaved,
    Resuming,
    Solving,
    Stopped,
    Warned,
)
from catdog.solver.faults import solver_faults
from catdog.solver.going_on import check_type, differences
from catdog.solver.precision import Precision
from catdog.solver.saving import Saving
from catdog.solver.snapshot_rotation import Snapshots
from catdog.solver.snapshot_search import check_whole
from catdog.solver.solverstate import TrainingState, learned_net, resume_net
from catdog.solver.test_pass import Batches, Means, TestNet, Traced, outputs
from catdog.solver.test_places import TestPlaces, place
from catdog.solver.train_scores import TrainScores
from catdog.solver.unfreezing import Unfreezing
from catdog.solver.untouched import untouched


class Solver:
    """Trains a net by a SolverParameter.

    Args:
        param: the solver; paths of its nets do not matter here.
        net, feed: what is trained, on which data, both on one device.
        tests: test nets; they use the parameters of the trained one.
        emit: gets every event.
        request: is asked between iterations, and between the batches of a test, what to do.
        model: the message that snapshots carry, with all layers; the net's own by default.
        precision: in what the trained net computes; float32 by default.
        compiled: run the trained net through torch.compile.
        group: the processes that train together, each with a solver like this one. Losses,
            gradients and test results are those of all; rank 0 alone writes.

    Raises SpecError with all faults of the solver. The loop raises Diverged.
    """

    def __init__(
        self,
        param: SolverParameter,
        net: Net,
        feed: Batches,
        tests: Sequence[TestNet] = (),
        *,
        emit: Listener = lambda _: None,
        request: Callable[[], Action] = lambda: Action.NONE,
        model: NetParameter | None = None,
        precision: Precision | None = None,
        compiled: bool = False,
        group: Group = ALONE,
    ) -> None:
        if found := solver_faults(param):
            raise SpecError(found)
        self.param, self.net, self.feed, self.tests = param, net, feed, list(tests)
        self._precision = precision or Precision()
        self.group = group
        self._run = Engine(net, group, compiled=compiled, by_layer=param.layer_wise_reduce)
        self.model = model or net.message
        self._average = Average(net, param.ema_decay)
        self._ending = Ending(param, self.tests, emit)
        self._snapshots = Snapshots(param, net, self._average, self.model, group)
        self.iteration, self.stopped = 0, False
        #: Layers that started fresh beside copied ones.
        self.fresh: tuple[str, ...] = ()
        self.update = updates.UPDATES[param.type](net.learnable, param)
        self._unfreezing = Unfreezing(param, [net, *(test.net for test in self.tests)], self.model)
        self._emit, self._asked, self._saving = emit, request, Saving(emit)
        self._losses: deque[Tensor] = deque(maxlen=param.average_loss)
        self._batch: Mapping[str, Tensor] = {}
        self._single_class = [SingleClassDetector(test.net, group) for test in self.tests]
        self._divergence = DivergenceDetector(net, group, self._blame, tested=self._tell_classes())
        self.device = next((item.parameter.device for item in net.learnable), torch.device("cpu"))
        self._places = TestPlaces(self.tests)
        self.train_scores = TrainScores(net, self.tests, group)
        self._displayed, self._clock = 0, time.monotonic()
        for test in self.tests:
            test.net.share(net)

    def _blame(self, iterations: int) -> str:
        """Of the last iterations the first record with a number that is none; else nothing."""
        batches = iterations * self.param.iter_size
        return self.feed.not_finite(batches) if isinstance(self.feed, Traced) else ""

    def _tell_classes(self) -> bool:
        return self.param.test_interval > 0 and any(each.blobs for each in self._single_class)

    def start_fresh(self, layers: Iterable[str]) -> None:
        """Raise, by fresh_lr_mult, the rates of layers that started fresh beside copied ones."""
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
        self._ending.begin()
        began = self.iteration
        self.step(self.param.max_iter - self.iteration)
        if not self.stopped:
            self._warn(self._divergence.finish(self.iteration, self._batch))
        due = _due(self.iteration, self.param.snapshot)
        missing = self._saving.failed(NotSaved.SNAPSHOT)
        if missing or (self.param.snapshot_after_train and not due):
            self.snapshot()
        self._last_look(began)
        self._ending.finish()
        self._emit(Stopped(self.iteration) if self.stopped else Done(self.iteration))

    def _last_look(self, began: int) -> None:
        """Show and test what the updates since an iteration made of the net."""
        stopped, self.stopped = self.stopped, False
        if not stopped and _due(self.iteration, self.param.display):
            self._show_last_loss()
        if _due(self.iteration, self.param.test_interval) and not stopped:
            if self._places.tested != self.iteration:
                self.test_all()
        elif self.iteration > began and self._tests_once_more():
            if stopped:
                # of several processes one may hear of the same Ctrl-C late
                self._request()
                self._emit(Noted("Testing the last weights; Ctrl-C again ends without"))
            self._test_once_more()
        self.stopped = stopped or self.stopped

    @torch.no_grad()
    def _show_last_loss(self) -> None:
        """The loss after the last update; what a snapshot would have stays as it is."""
        losses, overfitting = self._losses.copy(), OverfittingState()
        overfitting.CopyFrom(self._divergence.overfitting.state)
        with untouched(self.net, self.feed):
            self._take_loss(self._forward().loss)
            self._emit(FinalLoss(self.iteration, self._smoothed_loss()))
        self._losses = losses
        self._divergence.overfitting.state.CopyFrom(overfitting)

    def _tests_once_more(self) -> bool:
        """Whether the net of the last snapshot has not been tested, and could be."""
        able = self.tests and self.param.test_interval > 0
        return bool(able) and self._places.tested != self.iteration

    def _test_once_more(self) -> None:
        """Test where no test is due: it counts for the best alone, and a resumed run goes on as if
        it had not been."""
        before = self._places.states()
        self._places.load(before)
        self.test_all()
        self._places.load(before)
        with self._saving.of(NotSaved.SNAPSHOT):
            self._snapshots.renew_state(self.iteration, self._state)

    def step(self, iterations: int) -> None:
        """Train for some iterations, or until asked to stop."""
        end = self.iteration + iterations
        self.stopped = False
        self._average.admit()
        self._displayed, self._clock = self.iteration, time.monotonic()
        while self.iteration < end and not self.stopped:
            first = self.iteration == 0 and not self.param.test_initialization
            if _due(self.iteration, self.param.test_interval) and not first:
                self.test_all()
            if self.stopped or self._ending.over:
                break
            self._iterate()
        if self._ending.over and self.iteration < end and not self.stopped:
            self._emit(Noted(self._ending.over))

    def _iterate(self) -> None:
        self._places.end()
        self._unfreeze()
        display = _due(self.iteration, self.param.display)
        result = self._forward_backward(debug=display and self.param.debug_info)
        self._snapshots.begin()
        self._ending.losses.look(self.iteration, lambda: self.recent_loss)
        rate = self.rate
        if display:
            self._display(result, rate)
        self._emit(Iterating(self.iteration, rate))
        self._precision.apply(self.update, rate, self.iteration)
        self._average.update()
        asked = self._request()
        self.iteration += 1
        if _due(self.iteration, self.param.snapshot) or asked is Action.SNAPSHOT:
            self.snapshot()
        self.stopped = asked is Action.STOP

    def _unfreeze(self) -> None:
        """Let layers learn that have been frozen until now."""
        if names := self._unfreezing.advance(self.iteration):
            self._emit(Noted(f"Iteration {self.iteration}: no longer frozen: {', '.join(names)}"))
            self.update.learn_as(self._unfreezing.learnable())
            self.update.multiply_rates(self.fresh, self.param.fresh_lr_mult)
            self._average.admit()
            self._run.renew()

    def _forward_backward(self, *, debug: bool) -> Result:
        """The sums of gradients over iter_size passes, and the mean loss."""
        self.update.zero_grad()
        losses = []
        for _ in self._run.passes(self.param.iter_size):
            with tracing(self.net) if debug else nullcontext() as trace:
                result = self._forward()
                if result.loss.requires_grad:
                    self._precision.backward(result.loss)
            self.train_scores.add(result.blobs)
            losses.append(result.loss.detach())
            for line in trace.lines() if trace else ():
                self._emit(DebugInfo(line))
        self._take_loss(sum(losses[1:], losses[0]) / self.param.iter_size)
        return result

    def _forward(self) -> Result:
        self._batch = self.feed.next()
        self._warn(self._divergence.guessing.see(self.iteration, self._batch))
        try:
            with self._precision.context():
                return self._run(self._batch, self.train_scores.blobs)
        except LayerError as error:
            if record := self._blame(1):
                what = f"{error.what}; {FIRST_RECORD} {record}"
                raise Diverged(
                    what, where=f"iteration {self.iteration}: {error.where}", remedy=MEND_RECORD
                ) from error
            raise

    def _take_loss(self, loss: Tensor) -> None:
        loss = self.group.mean(loss)
        self._losses.append(loss)
        self._warn(self._divergence.add(self.iteration, loss, self._batch))

    def _smoothed_loss(self) -> float:
        self._warn(self._divergence.check(self._batch))
        return self.recent_loss

    @property
    def recent_loss(self) -> float:
        """Mean of the last average_loss losses; nan before the first."""
        return torch.stack(tuple(self._losses)).mean().item() if self._losses else math.nan

    @property
    def rate(self) -> float:
        """The learning rate of the next update."""
        return lr_policy.learning_rate(self.param, self.iteration, self._ending.drops)

    def _display(self, result: Result, rate: float) -> None:
        loss = self._smoothed_loss()
        means = Means()
        blobs = {name: result.blobs[name].detach() for name in self.net.outputs}
        means.add(blobs, result.loss.detach(), 1)
        now = time.monotonic()
        self._emit(
            Display(
                iteration=self.iteration,
                iterations=self.iteration - self._displayed,
                seconds=now - self._clock,
                every=self.param.display,
                loss=loss,
                lr=rate,
                outputs=outputs(self.net, means.over(self.group).blobs()),
                trained=self.train_scores.shown(),
            )
        )
        self._displayed, self._clock = self.iteration, now

    def test_all(self) -> None:
        """Test every test net, unless asked to stop in between."""
        self._places.begin()
        with self._average.applied():
            self._run.share_statistics()
            for index in range(len(self.tests)):
                if not self.stopped:
                    self.test(index)
        if not self.stopped:
            self._places.tested = self.iteration
            if _due(self.iteration, self.param.test_interval):
                self.train_scores.begin_anew()

    @torch.no_grad()
    def test(self, index: int) -> None:
        """Means of a test net's outputs over a pass; the best weights so far are written."""
        with self._average.applied():
            tested = self._test(index)
        if tested is None:
            self._emit(NetTestInterrupted(self.iteration, index))
            return
        self._emit(tested)
        self._warn(self._single_class[index].finish(self.iteration))
        self._warn(self._divergence.check(self._batch))
        self._warn(self._divergence.guessing.test(self._single_class[index].learns))
        due = _due(self.iteration, self.param.test_interval)
        if due:
            self._warn(self._divergence.overfitting.test(tested))
        before = self._ending.best_state()
        if self._ending.take(tested, due=due) and (best := self._ending.best):
            name, score = best
            with self._saving.of(NotSaved.BEST):
                self._emit(self._snapshots.write_best(self.iteration, name, score.best))
            if self._saving.failed(NotSaved.BEST):
                self._ending.set_best(before)

    def _test(self, index: int) -> NetTested | None:
        """The result of a pass; None where it was left early."""
        self._emit(NetTesting(self.iteration, index))
        test, classes = self.tests[index], self._single_class[index]
        means = Means(ap_version_of(self.param))
        with closing(test.batches()) as batches, means.counting(test.net):
            for number, (batch, weight) in enumerate(batches):
                self._emit(NetTestedBatch(self.iteration, index, number))
                self.answer()
                if self.stopped:
                    return None
                if not weight:
                    continue
                with tracing(test.net) if self.param.debug_info else nullcontext() as trace:
                    result = test.net(batch, keep=classes.blobs)
                for line in trace.forward_lines() if trace else ():
                    self._emit(DebugInfo(line))
                classes.add(result.blobs)
                means.add({n: result.blobs[n] for n in test.net.outputs}, result.loss, weight)
        means = means.over(self.group)
        for line in means.classes() if self.param.show_per_class_result else ():
            self._emit(Noted(line))
        loss = means.loss() if self.param.test_compute_loss else None
        trained = () if index else self.train_scores.since_test()
        return NetTested(self.iteration, index, outputs(test.net, means.blobs()), loss, trained)

    def answer(self) -> None:
        """Do what is asked while no iteration is under way; `stopped` says whether to end."""
        while not self.stopped and (asked := self._request()) is not Action.NONE:
            if asked is Action.SNAPSHOT:
                self.snapshot()
            self.stopped = asked is Action.STOP

    def _request(self) -> Action:
        """What any of the processes was asked to do."""
        return of_any(self._asked(), self.group)

    def snapshot(self) -> None:
        """Write weights and state under snapshot_prefix.

        Raises Diverged, and writes nothing, when a parameter is not finite.
        """
        self._warn(self._divergence.check(self._batch))
        with self._saving.of(NotSaved.SNAPSHOT):
            self._emit(self._snapshots.write(self.iteration, self._state))

    def restore(self, path: Path) -> None:
        """Go on from a state file of ours, exactly, or of Caffe's, its data from the start."""
        state = check_whole(path)
        try:
            check_type(state.run, self.param)
            resume_net(self.net, learned_net(path, state))
            self.update.load_history([torch.from_numpy(array) for array in state.history])
            randomness = self.net.setting.randomness
            told = random_state.restore(state.run, randomness, self.group, self.device)
        except WeightsError as error:
            error.where = error.where or str(path)
            raise
        self.iteration = state.iteration
        run = state.run
        self.start_fresh(run.fresh)
        self._warn(told)
        if run.HasField("train"):
            self.feed.load_state(run.train.source)
        self._places.load(run.test)
        if run.HasField("loss_scale"):
            self._precision.load_loss_scale(run.loss_scale)
        losses = torch.tensor(list(run.recent_loss), device=self.device)
        self._losses = deque(losses.unbind(), maxlen=self.param.average_loss)
        self.train_scores.load_state(run.trained, self.device)
        fed = [test.feed.reads() for test in self.tests]
        before = [(run.train, self.feed.reads()), *zip(run.test, fed, strict=False)]
        self._warn(differences(run, state.history, self.param, before))
        self._unfreeze()
        self._divergence.overfitting.state.CopyFrom(run.overfitting)
        self._ending.load(run, self.iteration)
        self._ending.losses.load(state.current_step, state.minimum_loss, state.iter_last_event)
        self._snapshots.load(path, state)
        self._check_best(state)
        self._warn(self._snapshots.leave_later(self.iteration))
        ending = self._ending
        self._emit(Resuming(str(path), self.iteration, ending.kept_score, ending.reached))

    def _check_best(self, state: TrainingState) -> None:
        """Forget a best whose weights are not there."""
        _, best = self._ending.best or ("", None)
        tested = bool(self.tests) and _due(self.iteration, self.param.test_interval)
        lost, told = self._snapshots.check_best(state, best, tested=tested)
        if lost:
            self._ending.forget_best()
        self._warn(told)

    def _state(self, model: str) -> TrainingState:
        """The state after `iteration` updates; Caffe's current_step is that of the last one."""
        generators, processes = random_state.states(self.net.setting.randomness, self.group)
        run = RunState(
            generator=generators,
            process=processes,
            train=place(self.feed),
            test=self._places.states(),
            fresh=self.fresh,
            loss_scale=self._precision.loss_scale,
            recent_loss=torch.stack(tuple(self._losses)).tolist() if self._losses else [],
            max_iter=self.param.max_iter,
            type=self.param.type,
            iter_size=self.param.iter_size,
            overfitting=self._divergence.overfitting.state,
            trained=self.train_scores.state(),
        )
        self._ending.store(run)
        self._snapshots.store(run)
        return TrainingState(
            iteration=self.iteration,
            current_step=self._ending.drops or lr_policy.drops(self.param, self.iteration - 1),
            minimum_loss=self._ending.losses.least,
            iter_last_event=self._ending.losses.since,
            learned_net=model,
            history=[blob.cpu().numpy() for blob in self.update.history()],
            run=run,
        )

    @property
    def run(self) -> str:
        """The random name of the run, that of its first start."""
        return self._snapshots.run

    @property
    def loss_scale(self) -> float:
        """By what the loss was multiplied before its gradients were taken."""
        return self._precision.loss_scale

    def _warn(self, what: str) -> None:
        if what:
            self._emit(Warned(what))


_NONE_FRESH = "no layer started fresh beside copied ones"


def _due(iteration: int, interval: int) -> bool:
    return interval > 0 and iteration % interval == 0
