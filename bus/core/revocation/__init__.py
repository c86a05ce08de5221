"""Revocation: what is said against certificates, by whom, and what follows for a signature."""
