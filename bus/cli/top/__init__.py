"""`lienthong top`: the axis at a glance, from what its processes serve under `/metrics`."""
