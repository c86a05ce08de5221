"""Endpoints: how an agency's system is reached."""
