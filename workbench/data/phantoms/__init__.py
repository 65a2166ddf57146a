"""Phantoms: radiographs that the program draws, and about which it therefore knows everything."""
