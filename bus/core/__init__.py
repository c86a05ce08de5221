"""Rules without I/O: values (also `now`) in, values out."""
