"""One file for each tool; `catdog TOOL ...` reaches the same code."""
