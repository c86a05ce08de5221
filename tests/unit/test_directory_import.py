"""The directory as a table: an export is an import, and every mistake has its place."""

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus.core.directory import seed_directory
from bus.core.directory_csv import read_csv, to_csv
from bus.core.directory_import import ImportRefusedError, imported
from bus.core.directory_rows import Column, difference
from bus.core.directory_rules import check
from bus.home.directory_file import seed_text
from schemas.directory import Agency, AgencyAlias, AgencyKind, Confidence, Directory
from schemas.identifiers import CodeScheme
from schemas.problem import ConfigurationError, Language

FORMATS = ("edxml", "json")
H53 = Agency.model_validate({"code": "H53", "name_vi": "Cơ quan mẫu", "connected": True})
DIRECTORY = Directory(agencies=(H53,))


def put(table: str | bytes, directory: Directory = DIRECTORY) -> Directory:
    data = table if isinstance(table, bytes) else table.encode()
    return imported(directory, read_csv(data), formats=FORMATS, endpoints={"folder"})


def refusals(table: str | bytes, directory: Directory = DIRECTORY) -> list[tuple[object, ...]]:
    """Row, column and code of every problem."""
    with pytest.raises(ImportRefusedError) as refused:
        put(table, directory)
    for each in refused.value.problems:
        assert all(each.problem.text(language) for language in Language)
        assert "{" not in each.problem.text() + each.problem.advice()
    return [(each.row, each.column, each.problem.code) for each in refused.value.problems]


def by_code(directory: Directory) -> dict[str, Agency]:
    return {agency.code: agency for agency in directory.agencies}


# --- what is exported is what is imported ---------------------------------------------------------

_CODES = st.from_regex(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,12}", fullmatch=True)
_DAYS = st.none() | st.dates(date(1945, 1, 1), date(2100, 12, 31))
_TEXTS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
_VISIBLE = st.text(
    st.characters(categories=("L", "N", "P", "S", "Zs"), exclude_characters="\xa0"), max_size=12
)


@st.composite
def directories(draw: st.DrawFn) -> Directory:
    """Any consistent directory, with names and aliases as odd as readers take them."""
    codes = draw(st.lists(_CODES, min_size=1, max_size=5, unique_by=str.casefold))
    agencies = tuple(
        Agency.model_validate(
            {
                "code": code,
                "name_vi": draw(_TEXTS),
                "name_en": draw(st.none() | _TEXTS),
                "kind": draw(st.sampled_from(AgencyKind)),
                "parent": draw(st.none() | st.sampled_from(codes)),
                "connected": draw(st.booleans()),
                "format": draw(st.sampled_from(FORMATS)),
                "suspended": draw(st.booleans()),
                "valid_from": draw(_DAYS),
                "valid_to": draw(_DAYS),
                "merged_into": draw(st.none() | st.sampled_from(codes)),
                "seals": draw(st.booleans()),
                "certificates": draw(st.lists(st.just("a" * 43), max_size=1)),
                "confidence": draw(st.sampled_from(Confidence)),
            }
        )
        for code in codes
    )
    names = st.sampled_from(["a|b", "a[b]", "a\\", "=1+1", "'=x", "Sở Y tế", "000.13.H53"])
    aliases = tuple(
        AgencyAlias(
            code=name,
            scheme=draw(st.sampled_from(CodeScheme)),
            agency=draw(st.sampled_from(agencies)).code,
            valid_from=draw(_DAYS),
            valid_to=draw(_DAYS),
        )
        for name in draw(st.lists(names | _VISIBLE.filter(bool), max_size=4, unique=True))
    )
    return Directory(agencies=agencies, aliases=aliases)


@given(directories())
@settings(max_examples=300, deadline=None)
def test_an_export_that_is_imported_changes_nothing(directory: Directory) -> None:
    try:
        check(directory)
    except ConfigurationError:
        return

    assert put(to_csv(directory), directory) is directory


@given(directories())
@settings(max_examples=100, deadline=None)
def test_an_export_makes_an_equal_directory_elsewhere(directory: Directory) -> None:
    """But for what is entered by people: names are cleaned, and schemes follow from the codes."""
    try:
        check(directory)
        made = put(to_csv(directory), Directory())
    except (ConfigurationError, ImportRefusedError):
        return

    again = put(to_csv(made), Directory())
    assert (again.agencies, again.aliases) == (made.agencies, made.aliases)


def test_the_seed_goes_through_a_spreadsheets_file() -> None:
    seed = seed_directory(seed_text())

    exported = to_csv(seed)

    assert exported.startswith(b"\xef\xbb\xbfcode,name,")
    assert put(exported, seed) is seed
    assert put(exported, Directory()).agencies == seed.agencies


def test_no_cell_of_an_export_is_a_formula() -> None:
    odd = ["=HYPERLINK(1)", "+1", "-1", "@SUM(A1)", "\t=1", "'=1", "＝1"]
    agencies = tuple(
        Agency.model_validate({"code": f"X{n}", "name_vi": name}) for n, name in enumerate(odd)
    )
    directory = Directory(
        agencies=(*agencies, Agency.model_validate({"code": "-5", "name_vi": "x"}))
    )

    cells = [c for line in to_csv(directory).decode()[1:].splitlines() for c in line.split(",")]

    assert not [cell for cell in cells if cell.strip('"')[:1] in tuple("=+-@\t\r＝")]
    assert put(to_csv(directory), directory) is directory


_CELL = st.sampled_from(
    [*Column, "x", "H53", "=1", '"', "'", "|", "\\", "[", "1/7/2025", "yes", ""]
)
_LINES = st.lists(st.lists(_CELL, max_size=6).map(",".join), max_size=6).map("\r\n".join)


@given(st.binary(max_size=200) | _LINES.map(str.encode) | _LINES.map("code,name\n{}".format))
@settings(max_examples=400, deadline=None)
def test_whatever_a_file_holds_it_is_taken_whole_or_refused_with_places(data: bytes | str) -> None:
    try:
        after = put(data)
    except ImportRefusedError:
        return

    check(after)


# --- how a file may look --------------------------------------------------------------------------

TABLE = "code,name,parent\r\nH53.13,Sở Y tế,H53\r\n"


@pytest.mark.parametrize(
    "data",
    [
        TABLE.encode(),
        b"\xef\xbb\xbf" + TABLE.encode(),
        TABLE.replace(",", ";").encode(),
        TABLE.replace(",", "\t").encode(),
        TABLE.replace("\r\n", "\n").encode(),
        TABLE.replace("\r\n", "\r").encode(),
        TABLE.rstrip().encode(),
        b"\xff\xfe" + TABLE.replace(",", "\t").encode("utf-16-le"),
        b"\xfe\xff" + TABLE.encode("utf-16-be"),
        f"sep=;\r\n{TABLE.replace(',', ';')}".encode(),
        TABLE.replace("Sở Y tế", '"Sở\r\nY tế"').encode(),
        TABLE.replace("code", " Code ").encode(),
        f"\r\n{TABLE},,\r\n\r\n".encode(),
        TABLE.replace("\r\n", ",,,\r\n").encode(),
        TABLE.replace("Sở Y tế", "Sở Y tế").encode(),
    ],
)
def test_a_table_is_read_as_programs_write_it(data: bytes) -> None:
    after = put(data)

    unit = by_code(after)["H53.13"]
    assert (unit.name_vi, unit.parent, unit.connected) == ("Sở Y tế", "H53", False)
    assert [alias.code for alias in after.aliases] == ["000.00.13.H53"]
    assert after.version == DIRECTORY.version + 1


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"", (1, None, "E_TABLE_COLUMN_MISSING")),
        (b"name\r\nx\r\n", (1, None, "E_TABLE_COLUMN_MISSING")),
        (b"code,name,colour\r\n", (1, None, "E_TABLE_COLUMN")),
        (b"code,name,name\r\n", (1, None, "E_TABLE_COLUMN_TWICE")),
        (b"code,name\r\nH53.1,a,b\r\n", (2, None, "E_TABLE_CELLS")),
        (b'code,name\r\nH53.1,"a\r\n', (2, None, "E_TABLE_QUOTES")),
        (b'code,name\r\nH53.1,"a"b\r\n', (2, None, "E_TABLE_QUOTES")),
        (b"code,name\r\nH53.1,S\xf4\r\n", (2, None, "E_TABLE_ENCODING")),
        (b"code,name\r\nH53.1,a\0b\r\n", (2, "name", "E_DIRECTORY_NAME")),
        (b"code\r\nH53.1\r\n", (2, "name", "E_DIRECTORY_NAME")),
        (b"code,name\r\nH53.1, \r\n", (2, "name", "E_DIRECTORY_NAME")),
        (b"code,name\r\n,x\r\n", (2, "code", "E_DIRECTORY_CODE")),
        (b"code,name\r\n H53.1,x\r\n", (2, "code", "E_DIRECTORY_CODE")),
        (b"code,name\r\n../x,x\r\n", (2, "code", "E_DIRECTORY_CODE")),
        ("code,name\r\nH53\u200b,x\r\n".encode(), (2, "code", "E_DIRECTORY_CODE")),
        (b"code,kind\r\nH53,planet\r\n", (2, "kind", "E_TABLE_VALUE")),
        (b"code,format\r\nH53,nope\r\n", (2, "format", "E_TABLE_VALUE")),
        (b"code,suspended\r\nH53,maybe\r\n", (2, "suspended", "E_TABLE_VALUE")),
        (b"code,valid_to\r\nH53,2025-02-30\r\n", (2, "valid_to", "E_TABLE_DATE")),
        (b"code,valid_to\r\nH53,9999-12-31\r\n", (2, "valid_to", "E_TABLE_DATE")),
        (b"code,certificates\r\nH53,abc\r\n", (2, "certificates", "E_TABLE_THUMBPRINT")),
        (b"code,aliases\r\nH53,x[1..]y\r\n", (2, "aliases", "E_TABLE_ALIAS")),
        (b"code,name\r\nA,x\r\nA,x\r\n", (3, "code", "E_TABLE_ROW_TWICE")),
        (b"code,name,parent\r\nA,x,B\r\n", (2, "parent", "E_DIRECTORY_PARENT")),
        (b"code,name,merged_into\r\nA,x,B\r\n", (2, "merged_into", "E_DIRECTORY_SUCCESSOR")),
        (
            b"code,name,parent\r\nA,x,B\r\nB,x,A\r\n",
            (2, "parent", "E_DIRECTORY_PARENT_CIRCLE"),
        ),
        (
            b"code,name,connected\r\nH-5,x,yes\r\nH.5,x,yes\r\n",
            (3, "code", "E_DIRECTORY_MAILBOX"),
        ),
        (b"code,name,aliases\r\nA,x,H53\r\n", (2, "aliases", "E_DIRECTORY_AMBIGUOUS")),
        (
            b"code,name,valid_from,valid_to\r\nA,x,2025-01-02,2025-01-01\r\n",
            (2, "valid_to", "E_DIRECTORY_PERIOD"),
        ),
    ],
)
def test_every_mistake_is_told_with_its_row_and_column(
    data: bytes, found: tuple[object, ...]
) -> None:
    assert refusals(data) == [found]


def test_all_mistakes_are_told_at_once_by_the_rows_that_a_spreadsheet_shows() -> None:
    table = 'code,name,kind\r\nA1,"two\r\nlines",unit\r\n\r\nA 2,x,unit\r\nA3,,star\r\n'

    assert refusals(table) == [
        (4, "code", "E_DIRECTORY_CODE"),
        (5, "name", "E_DIRECTORY_NAME"),
        (5, "kind", "E_TABLE_VALUE"),
    ]


# --- what rows do ---------------------------------------------------------------------------------


def test_a_parent_may_stand_further_down_and_the_order_of_rows_is_kept() -> None:
    after = put("code,name,parent\nA.1.1,x,A.1\nA.1,x,A\nA,x,\n")

    assert [agency.code for agency in after.agencies] == ["H53", "A.1.1", "A.1", "A"]


def test_columns_that_are_not_there_change_nothing_and_empty_cells_take_away() -> None:
    before = put("code,name,name_en,parent,valid_to,aliases\nA,x,Eks,H53,1/7/2025,a1|a2\n")

    renamed = by_code(put("code,name\nA,y\n", before))["A"]
    emptied = put("code,name,name_en,parent,valid_to,aliases,kind,connected\nA,,,,,,,\n", before)

    assert renamed == by_code(before)["A"].model_copy(update={"name_vi": "y"})
    assert by_code(before)["A"].valid_to == date(2025, 7, 1)
    assert by_code(emptied)["A"] == Agency.model_validate({"code": "A", "name_vi": "x"})
    assert emptied.aliases == ()


def test_agencies_that_no_row_names_stay_as_they_are() -> None:
    after = put("code,name\nA,x\n")

    assert after.agencies[0] is H53
    assert [row[Column.CODE] for row in difference(DIRECTORY, after).added] == ["A"]


def test_a_merger_may_be_imported() -> None:
    after = put("code,name,valid_to,merged_into\nH53,,2025-06-30,H41\nH41,Mới,,\n")

    assert (by_code(after)["H53"].valid_to, by_code(after)["H53"].merged_into) == (
        date(2025, 6, 30),
        "H41",
    )


def test_an_alias_has_its_validity_in_brackets() -> None:
    after = put("code,aliases\nH53,a[2020-09-15..2025-06-30]|b[..2025-01-01]|c\\[1\\]\\|d\n")

    assert [(a.code, a.valid_from, a.valid_to) for a in after.aliases] == [
        ("a", date(2020, 9, 15), date(2025, 6, 30)),
        ("b", None, date(2025, 1, 1)),
        ("c[1]|d", None, None),
    ]


def test_five_thousand_units_are_one_version() -> None:
    rows = "".join(f"H53.{n // 100:02}.{n:04},Đơn vị {n},H53\n" for n in range(5_000))

    after = put(f"code,name,parent\n{rows}")

    assert (len(after.agencies), after.version) == (5_001, 2)
    assert put(to_csv(after), after) is after
