"""A request that gets no answer but a reason: its status, and how long to wait."""

from catdog.errors import CatdogError


class Refusal(CatdogError):
    """What a client is told as `{"error": "where: what; remedy"}`.

    Args:
        status: of HTTP, 4xx or 503 or 504.
        what, where, remedy: as of CatdogError.
        retry_after: whole seconds after which it is worth to ask again; 0 for none.
        close: the connection is closed afterwards, since what is left of the request is not read.
    """

    def __init__(
        self,
        status: int,
        what: str,
        *,
        where: str = "",
        remedy: str = "",
        retry_after: int = 0,
        close: bool = False,
    ) -> None:
        super().__init__(what, where=where, remedy=remedy)
        self.status, self.retry_after, self.close = status, retry_after, close
