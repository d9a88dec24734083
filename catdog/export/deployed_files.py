"""A deploy net as one file that other programs run: ONNX, ONNX in bytes, torch's .pt2."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from catdog.engines.exported_program import write_program
from catdog.engines.onnx_model import Form, write_onnx
from catdog.errors import CatdogError
from catdog.export.deployed import Deployed
from catdog.export.int8 import quantized
from catdog.export.onnx_metadata import onnx_metadata
from catdog.inference.photos import given_photos

Tell = Callable[[str], object]


@dataclass(frozen=True)
class FileForm:
    """What is asked of a file: its form, and photos by which it gets bytes instead of floats."""

    form: Form = field(default_factory=Form)
    photos: Sequence[str] = ()

    def is_plain(self) -> bool:
        """Whether nothing is asked for."""
        return self == FileForm()


def to_onnx(found: Deployed, target: Path, file_form: FileForm, tell: Tell) -> None:
    """Write an ONNX file; how far its outputs are from the net's is told."""
    form = replace(file_form.form, metadata=onnx_metadata(found))
    if not file_form.photos:
        _tell_all(tell, "onnxruntime", write_onnx(found.net, target, form))
        return
    # where there are none, that is said before the net is written
    given = given_photos(file_form.photos)
    with TemporaryDirectory(prefix="catdog-onnx-") as folder:
        plain = Path(folder) / "net.onnx"
        _tell_all(tell, "onnxruntime, before int8", write_onnx(found.net, plain, form))
        for line in quantized(found, plain, target, given):
            tell(line)


def to_program(found: Deployed, target: Path, file_form: FileForm, tell: Tell) -> None:
    """Write a .pt2; how far its outputs are from the net's is told."""
    if file_form.form.opset is not None or file_form.photos:
        flag = "--int8" if file_form.photos else "--opset"
        raise CatdogError(f"{flag} is for ONNX", where=str(target), remedy="leave it out")
    form = replace(file_form.form, metadata=onnx_metadata(found))
    _tell_all(tell, "torch.export", write_program(found.net, target, form))


def _tell_all(tell: Tell, program: str, lines: Sequence[object]) -> None:
    for line in lines:
        tell(f"{program}: {line}")
