"""From data sets as their authors ship them to manifests: each film decoded once, each that cannot be used named."""
