"""Convert an error of pydantic to a term that says why a value does not follow a schema."""

import re
from collections.abc import Mapping
from typing import Any

from schemas.term import Term, foreign, term

_KINDS = {
    "field_missing": "missing",
    "field_no_text": "string_type",
    "field_empty": "string_too_short too_short",
    "field_long": "string_too_long too_long",
    "field_pattern": "string_pattern_mismatch",
    "field_number_range": (
        "greater_than greater_than_equal less_than less_than_equal int_parsing_size"
    ),
    "field_no_number": "int_type int_parsing int_from_float float_type float_parsing",
    "field_no_truth": "bool_type bool_parsing",
    "field_no_list": "list_type tuple_type",
    "field_no_object": "dict_type model_type model_attributes_type",
    "json_invalid": "json_invalid json_type",
    "field_no_zone": "timezone_aware",
    "field_value": "enum literal_error",
}
"""The code of a term → the kinds of errors of pydantic that it tells."""
_TERMS = {kind: code for code, kinds in _KINDS.items() for kind in kinds.split()}
_FAMILIES = (
    (re.compile(r"(datetime|time)_.*"), "field_no_time"),
    (re.compile(r"date_.*"), "field_no_date"),
)


def finding_term(details: Mapping[str, Any]) -> Term:
    """The term for an item of `ValidationError.errors`; messages of our own rules are quoted."""
    kind = str(details["type"])
    if kind in _TERMS:
        return term(_TERMS[kind])
    for pattern, code in _FAMILIES:
        if pattern.fullmatch(kind):
            return term(code)
    return foreign(details["msg"])
