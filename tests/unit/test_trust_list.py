"""The trust list is a folder of certificates; what is wrong with it stops the start."""

import sys
from pathlib import Path

import pytest

from bus.bootstrap.pdf import trust_list_of
from bus.pdf.trust_list import read_trust_list
from bus.settings import Settings
from schemas.problem import ConfigurationError, Problem
from tests.signed_pdfs import Authority


def refusal(folder: Path) -> Problem:
    with pytest.raises(ConfigurationError) as refused:
        read_trust_list(folder)
    return refused.value.problem


def test_every_certificate_of_every_file_is_an_anchor(tmp_path: Path) -> None:
    one, two, three = (Authority(common_name=name).root for name in ("A", "B", "C"))
    (tmp_path / "ab.pem").write_bytes(one.pem + two.pem)
    (tmp_path / "c.pem").write_bytes(three.pem + one.pem)
    (tmp_path / "readme.txt").write_text("not read")

    assert read_trust_list(tmp_path) == (one.der, two.der, three.der)


def test_an_empty_or_absent_list_is_told(tmp_path: Path) -> None:
    assert refusal(tmp_path).because.text() == "it holds no *.pem"
    assert refusal(tmp_path / "absent").code == "E_TRUST_LIST"


def test_a_file_without_a_certificate_is_named(tmp_path: Path) -> None:
    (tmp_path / "odd.pem").write_text("-----BEGIN CERTIFICATE-----")

    assert refusal(tmp_path).params["path"] == str(tmp_path / "odd.pem")


def test_a_list_without_the_extra_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyhanko", None)
    problem = refusal(tmp_path)

    assert problem.code == "E_EXTRA_MISSING"
    assert "lienthong[pdf]" in problem.advice()


def test_the_home_has_a_list_of_its_own_only_when_something_lies_there(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    assert trust_list_of(settings) is None
    (tmp_path / "trust-list").mkdir()
    assert trust_list_of(settings) is None
    (tmp_path / "trust-list/ca.pem").write_bytes(Authority().root.pem)

    assert trust_list_of(settings) == tmp_path / "trust-list"
    assert trust_list_of(Settings(home=tmp_path, trust_list=tmp_path)) == tmp_path
