"""Revocation of certificates: sources, their answers, and what follows for a signature."""
