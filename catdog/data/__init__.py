"""Photos to batches: pictures, stores, transformations, sources, the feed."""
