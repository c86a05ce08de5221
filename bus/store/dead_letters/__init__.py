"""Dead letters in SQL: how they are kept, counted, moved and found."""
