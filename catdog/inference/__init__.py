"""A trained net and photos to probabilities."""
