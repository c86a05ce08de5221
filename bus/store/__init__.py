"""Store: what must survive, in SQL and in files of the home."""
