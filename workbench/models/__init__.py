"""Classifiers: any network with what its outputs mean, how its input is prepared, and where its weights come from."""
