"""Formats and endpoints are found by entry points, a stranger's like ours."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from adapters.contract import Endpoint, EndpointContext, Format
from adapters.registry import (
    endpoint_named,
    endpoint_names,
    format_for,
    format_named,
    format_names,
    own_formats,
    require_format,
)
from schemas.problem import ConfigurationError, DocumentError

MODULE = """
class Format:
    name = "stranger"
    suffix = ".stranger"

    def recognises(self, head, filename):
        return head.startswith(b"STRANGE")

    def read(self, source, *, sink, limits, today): ...

    def write(self, message, *, attachments, written_at): ...
"""

Install = Callable[[str], None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Install a stranger's package with this line in its entry points of formats."""

    def install(entry: str) -> None:
        information = tmp_path / "stranger-1.0.dist-info"
        information.mkdir()
        (information / "METADATA").write_text("Metadata-Version: 2.1\nName: stranger\nVersion: 1\n")
        (information / "entry_points.txt").write_text(f"[lienthong.formats]\n{entry}\n")
        (tmp_path / "a_stranger.py").write_text(MODULE)
        monkeypatch.syspath_prepend(tmp_path)

    return install


def test_our_own_formats_are_installed() -> None:
    assert {"edxml", "json"} <= own_formats().keys()
    assert format_named("edxml").name == "edxml"


def test_our_own_endpoint_is_built_from_its_entry_point(tmp_path: Path) -> None:
    endpoint = endpoint_named("folder")(_context(tmp_path))

    assert isinstance(endpoint, Endpoint)
    assert (tmp_path / "H24/outbox").is_dir()
    assert "folder" in endpoint_names()


def test_a_setting_of_an_endpoint_that_is_wrong_is_the_operators_fault(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as refused:
        endpoint_named("folder")(_context(tmp_path, settle="soon"))

    assert refused.value.problem.code == "E_SETTING"


def _context(root: Path, **settings: str) -> EndpointContext:
    return EndpointContext(
        agency="H24",
        folder=root / "H24",
        state=root / "state",
        settings=settings,
        clock=lambda: datetime.now(UTC),
    )


def test_the_format_of_another_package_is_found(install: Install) -> None:
    install("stranger = a_stranger:Format")

    assert isinstance(format_named("stranger"), Format)
    assert "stranger" in format_names()
    assert "stranger" not in own_formats()


@pytest.mark.parametrize(
    ("find", "installed"), [(format_named, "edxml, json"), (endpoint_named, "folder")]
)
def test_a_name_that_is_not_installed_is_refused_with_those_that_are(
    find: Callable[[str], object], installed: str
) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        find("carrier-pigeon")

    assert refusal.value.problem.code == "E_SETTING"
    assert installed in str(refusal.value)


@pytest.mark.parametrize("entry", ["stranger = absent:Format", "stranger = a_stranger:Absent"])
def test_a_package_that_cannot_be_loaded_is_named(install: Install, entry: str) -> None:
    install(entry)

    with pytest.raises(ConfigurationError, match="stranger is installed but cannot be loaded"):
        format_named("stranger")


def test_the_first_format_that_recognises_a_file_is_chosen(install: Install) -> None:
    install("stranger = a_stranger:Format")
    formats = [format_named("edxml"), format_named("stranger")]

    assert format_for(b"STRANGE content", "letter.bin", formats).name == "stranger"


def test_a_file_that_no_format_recognises_is_refused_with_what_was_tried() -> None:
    formats = [format_named("edxml"), format_named("json")]

    with pytest.raises(DocumentError) as refusal:
        format_for(b"%PDF-1.7", "letter.pdf", formats)

    assert refusal.value.problem.code == "E_FORMAT_UNKNOWN"
    assert refusal.value.problem.params == {"name": "letter.pdf", "formats": "edxml, json"}
    assert refusal.value.problem.place.file == "letter.pdf"


def test_whether_a_format_is_installed_is_known_without_running_it(install: Install) -> None:
    install("stranger = a_module_that_is_not_there:Format")

    require_format("stranger")
    with pytest.raises(ConfigurationError, match="other is not one of"):
        require_format("other")
