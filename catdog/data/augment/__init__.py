"""Random changes of training pictures: drawn first, for a whole batch, and applied second."""

from catdog.data.augment.recipe import Changes, Recipe

__all__ = ["Changes", "Recipe"]
