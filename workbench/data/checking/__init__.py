"""Whether a manifest and its films hold: files, annotations, twins, copies across splits, balance."""
