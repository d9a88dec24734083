"""A clock that stands still until it is set."""


class Clock:
    """Gives `now`, in seconds, to what asks for the time."""

    def __init__(self, now: float = 0.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now
