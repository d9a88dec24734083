"""What a desk does: requests by their kind, answers as JSON has them."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from math import ceil
from typing import Any

from catdog.errors import CatdogError, Fault, SpecError
from catdog.export.draw import draw
from catdog.net.abstract import Blueprint
from catdog.runtime.devices import device_named
from catdog.runtime.room import amount
from catdog.spec.states import state_words
from catdog.studio.desk import Answer, Request
from catdog.studio.draft import Drafted, drafted, named_net
from catdog.studio.place import StudioFolder
from catdog.studio.store_draft import look_at, preview
from catdog.studio.store_words import StoreSettings
from catdog.studio.time_estimate import TimeEstimate, estimated_by_run, measured
from catdog.training.data_checks import open_present
from catdog.training.memory import free_on


def work(request: Request, place: StudioFolder) -> Answer:
    """The answer to a request, whose `kind` is one of KINDS."""
    return KINDS[request.pop("kind")](place, **request)


def _draft(place: StudioFolder, net: str, solver: str) -> Answer:
    found = drafted(net, solver, place).draft
    answer: Answer = asdict(found) | {"is_whole": found.is_whole}
    if found.net:
        sums = {"parameters": found.net.parameters, "multiply_adds": found.net.multiply_adds}
        answer["net"] |= sums
    if found.start:
        answer["start"]["learning"] = found.start.learning
    if found.memory:
        answer["memory"]["total"] = found.memory.total
    return answer


def _net_text(place: StudioFolder, solver: str) -> Answer:
    faults: list[Fault] = []
    text = named_net(solver, place, faults)
    if faults:
        raise SpecError(faults)
    return {"net": text}


def _picture(place: StudioFolder, net: str, solver: str) -> Answer:
    plan = _trained(drafted(net, solver, place))
    message = plan.resolved.message
    words = state_words(plan.resolved.spec.message, message.state)
    title = ": ".join(filter(None, [message.name, words]))
    return {"svg": draw(message, form="svg", title=title, shapes=plan.net.shapes).decode()}


def _time(place: StudioFolder, net: str, solver: str, device: str, measure: bool) -> Answer:
    found = drafted(net, solver, place)
    plan = _trained(found)
    if found.solver is None or not found.draft.is_whole:
        raise CatdogError("nothing can be told of a training with faults", remedy="mend them")
    known = estimated_by_run(plan, found.solver.message, place.folder)
    if known is None and measure:
        known = _measured(found, plan, device)
    return {"time": asdict(known) if known else None}


def _measured(found: Drafted, plan: Blueprint, device: str) -> TimeEstimate:
    memory, free = found.draft.memory, free_on(device_named(device, "device"))
    if memory and memory.total > free:
        raise CatdogError(f"it would take {amount(memory.total)}, and {amount(free)} are free")
    assert found.solver is not None
    return measured(plan, found.solver.message, device, _test_batches(found.plans[1:]))


def _test_batches(plans: Sequence[Blueprint]) -> int:
    """Batches of one test of all test nets, as far as their data tell."""
    batches = 0
    for plan in plans:
        if plan.resolved.iterations is not None:
            batches += plan.resolved.iterations
            continue
        with ExitStack() as stack:
            sources, _ = open_present(plan.resolved, stack)
            for source in sources[:1]:
                batches += ceil((source.size or 0) / source.shapes[source.tops[0]][0])
    return batches


def _trained(found: Drafted) -> Blueprint:
    if not found.plans:
        raise CatdogError("the net does not compile", remedy="mend its faults")
    return found.plans[0]


def _photos(place: StudioFolder, source: str) -> Answer:
    return asdict(look_at(source, place))


def _preview(
    place: StudioFolder, source: str, count: int, crop: int, asked: dict[str, Any]
) -> Answer:
    found = preview(source, place, StoreSettings(**asked), count, crop)
    return {"photos": [asdict(each) for each in found]}


#: What can be asked for.
KINDS: dict[str, Callable[..., Answer]] = {
    "draft": _draft,
    "net_text": _net_text,
    "picture": _picture,
    "time": _time,
    "photos": _photos,
    "preview": _preview,
}
