"""What a text from a page may not ask for: code of its own, and files outside of the folder.

A spec on the command line is its author's own. One from a page may be anybody's who reaches it.
"""

from collections.abc import Iterator

from google.protobuf.message import Message

from catdog.data.remote import is_address
from catdog.errors import CatdogError, Fault
from catdog.proto.caffe_pb2 import LayerParameter, NetParameter, SolverParameter
from catdog.spec import Spec
from catdog.studio.place import StudioFolder
from catdog.training.finetuning import sources_of
from catdog.weights.pretrained import NAMES

#: Fields of layers that name files and folders, of whatever message.
_PATHS = frozenset(("source", "mean_file", "meanfile", "root_folder", "index_file", "file_name"))
#: The layer that writes a file.
_WRITES = "HDF5Output"
#: How a solver names nets beside `net`.
_OTHER_NETS = ("train_net", "test_net", "net_param", "train_net_param", "test_net_param")


def leads_out(name: str, place: StudioFolder, *, read: bool = False) -> bool:
    """Whether a path does not lead to something in the studio's folder, where paths begin.

    What is only `read` may lie in its folders of photos too.
    """
    if not name.strip():
        return False
    if is_address(name) or name.startswith("~"):
        return True
    try:
        place.readable(name) if read else place.within(name)
    except CatdogError:
        return True
    return False


def net_faults(spec: Spec[NetParameter], place: StudioFolder) -> Iterator[Fault]:
    """Layers that run code, and those that name files outside of the folder, with their places."""
    seen: dict[str, int] = {}
    for layer in spec.message.layer:
        nth = seen.get(layer.name, 0)
        seen[layer.name] = nth + 1
        if layer.type == "Python":
            yield Fault(
                "(Python) runs code of its own, which is never started from a page",
                "train this net on the command line, with --allow-python",
                spec.where(layer.name, "type", nth),
                layer.name,
            )
        for field, value in _named(layer):
            if leads_out(value, place, read=layer.type != _WRITES):
                where = spec.where(layer.name, field, nth)
                yield outside(field, value, where, f"({layer.type}) ", layer.name)


def solver_faults(spec: Spec[SolverParameter], place: StudioFolder) -> Iterator[Fault]:
    """What of a solver leads out of the folder, and other ways to name nets than `net`."""
    solver = spec.message
    if solver.snapshot_prefix and leads_out(solver.snapshot_prefix, place):
        where = spec.where(key="snapshot_prefix")
        yield outside("snapshot_prefix", solver.snapshot_prefix, where)
    for source in sources_of(solver.weights):
        if source not in NAMES and leads_out(source, place):
            yield outside("weights", source, spec.where(key="weights"))
    for name in _OTHER_NETS:
        if any(field.name == name for field, _ in solver.ListFields()):
            yield Fault(
                f"{name} is no field for a page, which has one net",
                "write it as `net` alone, with include and exclude in its layers",
                spec.where(key=name),
            )


def _named(layer: LayerParameter) -> Iterator[tuple[str, str]]:
    """The fields of a layer's messages that name files, and what they name."""
    for _, value in layer.ListFields():
        if isinstance(value, Message):
            for field, inner in value.ListFields():
                if field.name in _PATHS and isinstance(inner, str):
                    yield field.name, inner


def outside(field: str, value: str, where: str, before: str = "", layer: str = "") -> Fault:
    return Fault(
        f'{before}{field} "{value}" leads out of the folder of the studio',
        "name something in it, or train on the command line",
        where,
        layer,
    )
