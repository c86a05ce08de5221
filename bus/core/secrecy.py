"""Secrecy: State secrets may not travel, whatever format or sender's software let them pass."""

from schemas.document import Document
from schemas.problem import AxisError, Place
from schemas.secrecy import declared_mark


def refuse_secret(document: Document) -> None:
    """Refuse a document that declares a mark of State secrecy.

    Asked by the sender's side before anything is signed, and again by the recipient's.

    Raises:
        DocumentError: E_STATE_SECRET.
    """
    if declared := declared_mark(document):
        field, mark = declared
        raise AxisError.of("E_STATE_SECRET", place=Place(field=f"document.{field}"), mark=mark)
