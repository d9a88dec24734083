"""The other means: what a competent person would write by hand for one of the jobs.

The scripts stand alone, so that each runs in an environment of its own; they print their rate.
"""
