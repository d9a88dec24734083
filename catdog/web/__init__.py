"""What every page over HTTP is held to: who may ask, how much may come, what a browser may load."""
