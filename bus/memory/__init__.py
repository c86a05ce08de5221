"""Every port in memory: shipped, and held to the same tests as the real ones."""
