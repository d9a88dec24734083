"""The training loop, and what it decides."""
