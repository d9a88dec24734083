"""Numbers of a layer in a few words, for drawings."""

from collections.abc import Sequence


def kernel_text(sides: Sequence[int], height: int, width: int) -> str:
    """`3×3`, also where one number stands for both sides."""
    return extents_text(list(sides) * 2 if len(sides) == 1 else sides, height, width)


def extents_text(sides: Sequence[int], height: int, width: int) -> str:
    """Sizes by axis, given as a list or as height and width."""
    if height or width:
        return f"{height}×{width}"
    return "×".join(map(str, sides))


def unless_usual(name: str, value: str, usual: str) -> list[str]:
    """Name and value, or nothing where all sizes are the usual one."""
    plain = not value or set(value.split("×")) == {usual}
    return [] if plain else [f"{name} {value}"]
