"""Home: the files that one machine keeps for its agencies, its directory and its processes."""
