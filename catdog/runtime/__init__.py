"""The machine and the process: devices, files, randomness, threads, processes."""
