"""The committed JSON Schemas are current, and bear with what was sent before."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from schemas.compatibility import breaking_changes, breaking_codes
from schemas.directory import Agency, Directory
from schemas.document import Attachment, Document, Organization, Signer
from schemas.envelope import WIRE_VERSION
from schemas.export import CODES_PAGE, FOLDER, codes_page, exports

MAJOR = WIRE_VERSION.partition(".")[0]
FROZEN = sorted(FOLDER.glob(f"{MAJOR}.*/*.json"))
CATALOGUES = {"errors.json", "terms.json", "warnings.json"}


def test_the_committed_files_are_what_the_models_say() -> None:
    """Run `make schema` after changing a model."""
    committed = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.json")}

    assert committed == exports()


def test_the_page_of_codes_is_what_the_catalogue_says() -> None:
    """Run `make schema` after changing an entry."""
    assert CODES_PAGE.read_text(encoding="utf-8") == codes_page()


@pytest.mark.parametrize("path", FROZEN, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_nothing_frozen_within_this_major_version_is_broken(path: Path) -> None:
    old = json.loads(path.read_text(encoding="utf-8"))
    new = json.loads(exports()[path.name])
    check = breaking_codes if path.name in CATALOGUES else breaking_changes

    assert check(old, new) == ()


def test_every_exported_file_is_frozen_for_this_wire_version_or_an_earlier_one() -> None:
    """But terms: a reader that does not know one quotes it."""
    assert {path.name for path in FROZEN} == set(exports()) - {"terms.json"}


@pytest.mark.parametrize("name", sorted(set(exports()) - CATALOGUES))
def test_every_schema_is_a_schema(name: str) -> None:
    Draft202012Validator.check_schema(json.loads(exports()[name]))


def test_what_our_models_write_satisfies_the_published_schema() -> None:
    document = Document(
        from_agency=Organization(organ_id="000.00.00.H98", name="Cơ quan Ví Dụ"),
        to_agencies=(Organization(organ_id="000.00.00.H99"),),
        document_id="000.00.00.H98,2026/03/12,147/UBND-VP",
        signer=Signer(full_name="Nguyễn Văn Mẫu"),
        attachments=(
            Attachment(name="a.pdf", media_type="application/pdf", size=3, sha256="0" * 64),
        ),
    )
    directory = Directory(agencies=(Agency(code="H98", name_vi="Cơ quan Ví Dụ", connected=True),))

    for name, value in (("document", document), ("directory", directory)):
        validator = Draft202012Validator(json.loads(exports()[f"{name}.json"]))
        assert list(validator.iter_errors(json.loads(value.to_json()))) == []


OLD: dict[str, Any] = {
    "title": "Thing",
    "type": "object",
    "required": ["id"],
    "properties": {
        "id": {"type": "string", "maxLength": 10},
        "lane": {"$ref": "#/$defs/Lane"},
        "title": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None},
    },
    "$defs": {"Lane": {"enum": ["express", "standard"]}},
}


def changed(change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    new = copy.deepcopy(OLD)
    change(new)
    return new


@pytest.mark.parametrize(
    "change",
    [
        lambda s: s.update(title="Another"),
        lambda s: s["properties"]["id"].update(description="An id", title="Id"),
        lambda s: s["properties"].update(note={"type": "string", "default": ""}),
        lambda s: s["$defs"].update(Other={"type": "string"}),
    ],
    ids=["title", "description", "optional field", "definition"],
)
def test_texts_and_optional_fields_may_be_added(
    change: Callable[[dict[str, Any]], object],
) -> None:
    assert breaking_changes(OLD, changed(change)) == ()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda s: s["properties"].pop("title"), "$.title: removed"),
        (lambda s: s["$defs"].pop("Lane"), "$.Lane: removed"),
        (lambda s: s["required"].append("lane"), "$.lane: became required"),
        (lambda s: s["required"].clear(), "$.id: no longer required"),
        (
            lambda s: s["properties"]["id"].update(maxLength=5),
            "$.id: maxLength was 10, is 5",
        ),
        (
            lambda s: s["properties"]["id"].update(pattern="^a"),
            "$.id: pattern was None, is '^a'",
        ),
        (
            lambda s: s["$defs"]["Lane"]["enum"].remove("express"),
            "$.Lane: enum was ['express', 'standard'], is ['standard']",
        ),
        (
            lambda s: s["$defs"]["Lane"]["enum"].append("slow"),
            "$.Lane: enum was ['express', 'standard'], is ['express', 'standard', 'slow']",
        ),
        (
            lambda s: s["properties"]["title"].update(default=""),
            "$.title: default was None, is ''",
        ),
        (
            lambda s: s["properties"]["title"]["anyOf"].pop(),
            ("$.title: anyOf was [{'type': 'string'}, {'type': 'null'}], is [{'type': 'string'}]"),
        ),
    ],
)
def test_whatever_another_version_could_not_bear_is_named(
    change: Callable[[dict[str, Any]], object], told: str
) -> None:
    assert breaking_changes(OLD, changed(change)) == (told,)


@pytest.mark.parametrize(
    ("new", "told"),
    [
        ({"E_A": {"fault": "sender", "retryable": False, "text_en": "Better."}}, ()),
        ({"E_A": {"fault": "sender", "retryable": False}, "E_B": {"fault": "world"}}, ()),
        ({}, ("E_A: removed",)),
        ({"E_A": {"fault": "world", "retryable": False}}, ("E_A: fault changed",)),
        ({"E_A": {"fault": "sender", "retryable": True}}, ("E_A: retryable changed",)),
    ],
)
def test_a_code_keeps_its_consequence_while_its_text_may_be_improved(
    new: dict[str, Any], told: tuple[str, ...]
) -> None:
    old = {"E_A": {"fault": "sender", "retryable": False, "text_en": "Bad."}}

    assert breaking_codes(old, new) == told
