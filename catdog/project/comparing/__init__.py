"""Which net for so many photos: nets that learn from more and more of the photos of a person."""
