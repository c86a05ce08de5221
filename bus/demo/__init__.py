"""The demonstration: invented traffic among the bodies of a directory, reconciled to the last one.

May use randomness, always seeded: the same seed gives the same traffic.
"""
