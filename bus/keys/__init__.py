"""Keys: trust anchors, certificates and private keys as files, and the development authority."""
