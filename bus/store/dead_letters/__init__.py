"""Dead letters in SQL: stored, counted, changed and found."""
