"""What is raised where OpenCV raises cv2.error."""

import cv2

from catdog.errors import CatdogError


class NetError(CatdogError, cv2.error):
    """A CatdogError that scripts which catch cv2.error catch too."""

    def __str__(self) -> str:
        # several faults of a file are lines of one mistake
        return self.what if "\n" in self.what else super().__str__()


class as_net_error:  # noqa: N801  # reads as what it does: with as_net_error()
    """Raise every CatdogError as a NetError of the same words."""

    # a class, since contextlib's generators take as long as two layers of a small net

    __slots__ = ()

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: object
    ) -> None:
        if isinstance(error, CatdogError) and not isinstance(error, NetError):
            raise NetError(str(error)) from error
