"""Learning curves as pictures: of one run, of several."""
