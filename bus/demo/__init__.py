"""The demonstration: invented traffic among the bodies of a directory, every delivery counted.

Its randomness has a seed: the same seed gives the same traffic.
"""
