"""Signals become actions inside the block, and nothing outside is changed."""

import os
import signal

import pytest

from catdog.solver.action import Action
from catdog.solver.signals import EFFECTS, Signals


def send(number: int) -> None:
    os.kill(os.getpid(), number)


def test_signals_are_handed_out_once_in_their_order() -> None:
    with Signals() as signals:
        assert signals.request() is Action.NONE
        send(signal.SIGHUP)
        send(signal.SIGHUP)
        send(signal.SIGINT)
        assert [signals.request() for _ in range(3)] == [Action.SNAPSHOT, Action.STOP, Action.NONE]


def test_a_second_interrupt_does_not_wait() -> None:
    with Signals() as signals:
        send(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            send(signal.SIGINT)
        assert signals.request() is Action.STOP
        send(signal.SIGINT)
        assert signals.request() is Action.STOP


def test_the_first_interrupt_is_answered_at_once_in_a_line() -> None:
    said: list[str] = []
    with Signals(say=said.append) as signals:
        send(signal.SIGHUP)
        assert not said
        send(signal.SIGINT)
        assert said[0].startswith("stopping after this iteration, with a snapshot; Ctrl-C again")
        assert signals.request() is Action.SNAPSHOT
        assert signals.request() is Action.STOP
        send(signal.SIGINT)
    assert len(said) == 1


def test_the_first_signal_to_stop_is_known_and_sigterm_never_ends_at_once() -> None:
    with Signals() as signals:
        assert signals.stopped_by == 0
        send(signal.SIGHUP)
        send(signal.SIGTERM)
        send(signal.SIGTERM)
        assert signals.stopped_by == signal.SIGTERM
        assert [signals.request() for _ in range(3)] == [Action.SNAPSHOT, Action.STOP, Action.NONE]
        send(signal.SIGINT)
        assert signals.stopped_by == signal.SIGTERM


def test_effects_can_be_chosen() -> None:
    assert sorted(EFFECTS) == ["none", "snapshot", "stop"]
    with Signals(sigint=EFFECTS["snapshot"], sighup=EFFECTS["none"]) as signals:
        send(signal.SIGHUP)
        assert signals.request() is Action.NONE
        send(signal.SIGINT)
        send(signal.SIGINT)
        assert [signals.request() for _ in range(2)] == [Action.SNAPSHOT, Action.NONE]


def test_handlers_are_put_back() -> None:
    numbers = (signal.SIGINT, signal.SIGHUP, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)
    before = [signal.getsignal(number) for number in numbers]
    with pytest.raises(ValueError, match="inside"), Signals():
        assert signal.getsignal(signal.SIGINT) != before[0]
        raise ValueError("inside")
    assert [signal.getsignal(number) for number in numbers] == before
