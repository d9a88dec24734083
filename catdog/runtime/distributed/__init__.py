"""Several processes at one job, each on its own device: torch.distributed."""
