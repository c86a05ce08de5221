"""Convert an error of pydantic to a term that says why a value does not follow a schema."""

import re
from collections.abc import Mapping
from typing import Any

from schemas.term import Term, foreign, term

_TERMS = {
    "missing": "field_missing",
    "string_type": "field_no_text",
    "string_too_short": "field_empty",
    "string_too_long": "field_long",
    "too_short": "field_empty",
    "too_long": "field_long",
    "string_pattern_mismatch": "field_pattern",
    "greater_than": "field_number_range",
    "greater_than_equal": "field_number_range",
    "less_than": "field_number_range",
    "less_than_equal": "field_number_range",
    "int_type": "field_no_number",
    "int_parsing": "field_no_number",
    "int_parsing_size": "field_number_range",
    "int_from_float": "field_no_number",
    "float_type": "field_no_number",
    "float_parsing": "field_no_number",
    "bool_type": "field_no_truth",
    "bool_parsing": "field_no_truth",
    "list_type": "field_no_list",
    "tuple_type": "field_no_list",
    "dict_type": "field_no_object",
    "model_type": "field_no_object",
    "model_attributes_type": "field_no_object",
    "json_invalid": "json_invalid",
    "json_type": "json_invalid",
    "timezone_aware": "field_no_zone",
    "enum": "field_value",
    "literal_error": "field_value",
}
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
