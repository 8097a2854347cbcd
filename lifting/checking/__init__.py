"""A wing: every gradient checked by independent routes, the mistakes they catch, and where nothing is smooth."""
