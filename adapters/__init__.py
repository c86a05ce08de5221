"""The agencies' side: formats translate wire bytes, endpoints reach an agency's system."""
