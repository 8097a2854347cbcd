"""A wing: what made the embedded data, from downloads to rendered people."""
