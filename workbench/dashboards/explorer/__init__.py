"""The case explorer: a state without widgets, and panels that watch and change it."""
