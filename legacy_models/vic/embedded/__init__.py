"""A VIC-style water-balance model in numba, called like VIC 5 classic and reading and writing its files."""
