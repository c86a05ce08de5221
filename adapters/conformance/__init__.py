"""The conformance kit: certifies a format or an endpoint, ours or a stranger's."""
