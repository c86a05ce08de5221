"""Store: everything that must survive a restart, in SQLite or PostgreSQL."""
