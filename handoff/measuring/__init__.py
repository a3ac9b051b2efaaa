"""Experiments: trials, rounds and lanes; the only timing code there is."""
