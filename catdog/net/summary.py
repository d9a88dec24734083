"""What a net is made of: shapes, parameters, multiply-adds, bytes, as rows and as a table."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

from catdog.net.net import Net
from catdog.runtime.text_table import text_table
from catdog.spec.shape import Shape

_FLOAT_BYTES = 4


@dataclass(frozen=True)
class LayerSummary:
    """One layer: the shapes of its tops, its own parameters and its multiply-adds for a batch.

    Multiply-adds are those of convolutions and matrix products; a bias and what is done element
    by element do not count. A parameter that is shared counts where it stands first.
    """

    name: str
    type: str
    tops: tuple[Shape, ...]
    parameters: int
    multiply_adds: int


@dataclass(frozen=True)
class Summary:
    """The rows of a net, its inputs first, and what they come to."""

    rows: tuple[LayerSummary, ...]
    #: Examples in a batch; None where the inputs do not agree on a first axis.
    batch: int | None
    #: Bytes of all blobs of one forward pass, as float32; in-place layers add none.
    blob_bytes: int

    @property
    def parameters(self) -> int:
        """Numbers in all parameter blobs, shared ones once."""
        return sum(row.parameters for row in self.rows)

    @property
    def multiply_adds(self) -> int:
        """Multiply-adds of one forward pass."""
        return sum(row.multiply_adds for row in self.rows)


def summarize(net: Net) -> Summary:
    """The summary of a net; its parameters may be without numbers."""
    rows = [LayerSummary(name, "Input", (shape,), 0, 0) for name, shape in net.inputs.items()]
    seen: set[int] = set()
    for node in net.nodes:
        bottoms = [net.shapes[name] for name in node.bottoms]
        tops = [net.shapes[name] for name in node.tops]
        own = [p for p in node.layer.blobs.parameters() if id(p) not in seen]
        seen.update(map(id, own))
        count = sum(p.numel() for p in own)
        work = node.layer.multiply_adds(bottoms, tops)
        rows.append(LayerSummary(node.name, node.type, tuple(tops), count, work))
    firsts = {shape[:1] for shape in net.inputs.values()}
    batch = firsts.pop()[0] if len(firsts) == 1 and () not in firsts else None
    return Summary(tuple(rows), batch, _FLOAT_BYTES * sum(map(prod, net.shapes.values())))


_HEADER = ("layer", "type", "output", "parameters", "multiply-adds")


def table(summary: Summary) -> str:
    """The summary as text: a line for each layer, then the totals."""
    lines = text_table(_HEADER, map(_cells, summary.rows)).splitlines()
    rule = "-" * max(map(len, lines))
    return "\n".join([lines[0], rule, *lines[1:], rule, *_totals(summary)])


def _cells(row: LayerSummary) -> tuple[str, ...]:
    shapes = ", ".join("x".join(map(str, shape)) or "1 number" for shape in row.tops)
    counts = (f"{number:,}" if number else "" for number in (row.parameters, row.multiply_adds))
    return (row.name, row.type, shapes, *counts)


def _totals(summary: Summary) -> Iterator[str]:
    size = summary.parameters * _FLOAT_BYTES
    yield f"total parameters: {summary.parameters:,} ({megabytes(size)})"
    one = ""
    if summary.batch and summary.batch > 1:
        each = summary.multiply_adds // summary.batch
        one = f" for a batch of {summary.batch}, {each:,} for one"
    yield f"total multiply-adds: {summary.multiply_adds:,}{one}"
    yield f"blobs of a forward pass: {megabytes(summary.blob_bytes)}"


def megabytes(size: int) -> str:
    """Bytes as `1.23 MB`, a megabyte being 10^6 bytes."""
    return f"{size / 1e6:,.2f} MB"
