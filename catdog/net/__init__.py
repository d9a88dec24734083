"""A net message to a torch module."""
