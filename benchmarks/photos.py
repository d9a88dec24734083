"""Photos of full size for machines without any: drawn, enlarged, and grainy as a camera's."""

from pathlib import Path

import cv2
import numpy as np

from catdog.data.build.synthetic import CLASSES, draw
from catdog.runtime.parallel import in_order

WIDTH, HEIGHT = 500, 375
#: Such that a file has some 23 kB, as those of Kaggle's have on average.
_QUALITY, _GRAIN = 88, 4.0


def draw_photos(folder: Path, count: int) -> None:
    """Draw `cat.0.jpg`, `dog.0.jpg`, ...: 500 x 375, a quarter of them upright."""
    folder.mkdir(parents=True)
    for _ in in_order(lambda number: _save(folder, number), range(count)):
        pass


def _save(folder: Path, number: int) -> None:
    rng = np.random.default_rng((0, number))
    name = CLASSES[number % 2]
    size = (HEIGHT, WIDTH) if number % 8 < 2 else (WIDTH, HEIGHT)
    picture = cv2.resize(draw(name, rng), size, interpolation=cv2.INTER_CUBIC)
    grain = rng.standard_normal(picture.shape, dtype=np.float32) * _GRAIN
    noisy = np.clip(picture + grain, 0, 255).astype(np.uint8)
    data = cv2.imencode(".jpg", noisy, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1]
    (folder / f"{name}.{number // 2}.jpg").write_bytes(data.tobytes())
