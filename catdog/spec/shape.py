"""Shapes of blobs."""

#: The sizes of a blob's axes; () is a single number.
Shape = tuple[int, ...]
