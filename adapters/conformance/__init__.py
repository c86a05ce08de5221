"""The conformance kit: proves that a format or an endpoint keeps the promises of its contract."""


def promised(holds: bool, promise: str) -> None:
    """Raise `AssertionError` with the promise unless it holds."""
    if not holds:
        raise AssertionError(f"not kept: {promise}")
