"""What a term says in each language."""

from typing import TypeAlias

Texts: TypeAlias = tuple[str, str]
"""English, Vietnamese: a part of a sentence, without a capital and without a full stop."""
