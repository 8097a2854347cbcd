"""A wing: learning a prior from motion capture, and the priors that others learned."""
