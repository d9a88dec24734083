"""A solver file to a trained net, once or many times."""
