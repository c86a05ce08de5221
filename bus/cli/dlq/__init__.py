"""`lienthong dlq`: the operators' work list of dead letters."""
