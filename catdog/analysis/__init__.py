"""What is odd about data, and how good a net is."""
