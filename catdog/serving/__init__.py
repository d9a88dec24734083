"""Photos over HTTP to probabilities, in batches: `catdog serve`."""
