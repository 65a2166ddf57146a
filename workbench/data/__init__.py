"""Films and their manifests: importers, data sets, and phantoms that the program draws itself."""
