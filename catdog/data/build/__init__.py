"""Photos and lists of photos to LMDBs."""
