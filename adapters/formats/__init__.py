"""Formats: pure translators between wire formats and canonical values; streams in, values out."""
