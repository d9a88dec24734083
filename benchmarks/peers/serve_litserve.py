"""The same net by LitServe, photos decoded on all cores within its batches: WEIGHTS PORT MS QUEUE.

QUEUE is zmq for its fast queue, or any other word.
"""

import sys
from collections.abc import Sequence
from typing import Any

import litserve
from starlette.requests import Request

from catdog.inference.photo_prediction import PhotoPrediction
from catdog.inference.predictor import Predictor


class PhotosAPI(litserve.LitAPI):  # type: ignore[misc]  # it is not installed everywhere
    """As its guide does it: one file of a form to what the net says."""

    def setup(self, device: str) -> None:
        """Open the net in the worker."""
        self.predictor = Predictor.load(sys.argv[1], device=device)

    def decode_request(self, request: Request) -> bytes:
        """The bytes of the file."""
        form: Any = request
        content: bytes = form["photo"].file.read()
        return content

    def batch(self, inputs: list[bytes]) -> list[bytes]:
        """The batch as it is: the predictor takes lists."""
        return inputs

    def predict(self, x: list[bytes]) -> Sequence[Any]:
        """Decode on threads, and compute."""
        return self.predictor(x)

    def unbatch(self, output: list[Any]) -> list[Any]:
        """Of each photo its answer."""
        return output

    def encode_response(self, output: PhotoPrediction) -> dict[str, Any]:
        """What the answer says."""
        classes = [{"name": name, "probability": value} for name, value in output.top()]
        return {"label": output.label, "probability": output.probability, "classes": classes}


if __name__ == "__main__":
    api = PhotosAPI(max_batch_size=64, batch_timeout=float(sys.argv[3]) / 1000)
    server = litserve.LitServer(api, accelerator="cpu", fast_queue=sys.argv[4] == "zmq")
    server.run(
        port=int(sys.argv[2]), host="127.0.0.1", log_level="warning", generate_client_file=False
    )
