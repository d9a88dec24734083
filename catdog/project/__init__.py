"""From a folder of photos to a trained net: looking, advice, specs, a budget, steps."""
