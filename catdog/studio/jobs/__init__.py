"""What the studio has begun: each a process of its own that outlives it, by files on disk."""
