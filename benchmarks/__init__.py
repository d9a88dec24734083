"""How fast catdog is beside the same work done by other means, measured in one run."""
