"""Words of messages."""


def counted(number: int, noun: str) -> str:
    """`1 photo`, `2 photos`, `1,000 photos`."""
    return f"{number:,} {noun}{'s' * (number != 1)}"
