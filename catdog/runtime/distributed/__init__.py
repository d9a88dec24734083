"""Several processes at one job, each on a device of its own: torch.distributed."""
