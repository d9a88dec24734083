"""What is raised where OpenCV raises cv2.error."""

from collections.abc import Iterator
from contextlib import contextmanager

import cv2

from catdog.errors import CatdogError


class NetError(CatdogError, cv2.error):
    """A CatdogError that scripts which catch cv2.error catch too."""

    def __str__(self) -> str:
        # several faults of a file are lines of one mistake
        return self.what if "\n" in self.what else super().__str__()


@contextmanager
def as_net_error() -> Iterator[None]:
    """Raise every CatdogError as a NetError of the same words."""
    try:
        yield
    except NetError:
        raise
    except CatdogError as error:
        raise NetError(str(error)) from error
