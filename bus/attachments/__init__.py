"""Attachment stores: files found by the digest of their bytes."""
