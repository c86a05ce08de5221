"""The trust list is a folder of certificates; what is wrong with it stops the start."""

import os
import sys
from pathlib import Path

import pytest

from bus.bootstrap.document_signatures import trust_list_of
from bus.pdf.trust_list import TrustList, read_trust_list
from bus.settings import Settings
from schemas.problem import ConfigurationError, Problem
from tests.support.certificates import root
from tests.support.odd_certificates import odd_certificates
from tests.support.signed_pdfs import Authority


def refusal(folder: Path) -> Problem:
    with pytest.raises(ConfigurationError) as refused:
        read_trust_list(folder)
    return refused.value.problem


def test_every_certificate_of_every_file_is_an_anchor(tmp_path: Path) -> None:
    one, two, three = (Authority(common_name=name).root for name in ("A", "B", "C"))
    (tmp_path / "ab.pem").write_bytes(one.pem + two.pem)
    (tmp_path / "c.pem").write_bytes(three.pem + one.pem)
    (tmp_path / "readme.txt").write_text("not read")

    assert read_trust_list(tmp_path) == TrustList(anchors=(one.der, two.der, three.der))


def test_an_empty_or_absent_list_is_told(tmp_path: Path) -> None:
    assert refusal(tmp_path).because.text() == "it contains no *.pem"
    assert refusal(tmp_path / "absent").code == "E_TRUST_LIST"


def test_a_file_without_a_certificate_is_named(tmp_path: Path) -> None:
    (tmp_path / "odd.pem").write_text("-----BEGIN CERTIFICATE-----")

    assert refusal(tmp_path).params["path"] == str(tmp_path / "odd.pem")


def test_an_odd_file_among_good_ones_is_set_aside_and_named(tmp_path: Path) -> None:
    """The axis and its workers start again by themselves: one file must not keep them away."""
    good = Authority().root
    (tmp_path / "good.pem").write_bytes(good.pem)
    odd = [tmp_path / f"{number}.pem" for number in range(4)]
    odd[0].write_bytes(b"")
    odd[1].write_bytes(odd_certificates(root())["a name with a BIT STRING"])
    odd[2].mkdir()
    os.mkfifo(odd[3])

    found = read_trust_list(tmp_path)

    assert found.anchors == (good.der,)
    assert [each.params["path"] for each in found.set_aside] == list(map(str, odd))


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
