"""Body: how one body of the directory writes: its codes, abbreviation, place and signers."""

import unicodedata
from dataclasses import dataclass
from functools import cached_property

from schemas.directory import Agency, AgencyKind, Directory
from schemas.document import Organization
from schemas.identifiers import AgencyCode, CodeScheme, to_qcvn102

_SMALL_WORDS = {"và", "-", "tại"}


@dataclass(frozen=True, kw_only=True)
class Body:
    """A body of the directory as it appears on paper.

    Attributes:
        wire_code: What it puts into OrganId, in either scheme.
    """

    agency: Agency
    wire_code: str

    @property
    def code(self) -> AgencyCode:
        """The canonical code."""
        return self.agency.code

    @property
    def is_province(self) -> bool:
        """Whether it is a people's committee rather than a central body."""
        return self.agency.kind is AgencyKind.PROVINCE

    @cached_property
    def organization(self) -> Organization:
        """The body as a packet names it."""
        return Organization(
            organ_id=self.wire_code,
            name=self.agency.name_vi,
            email=f"vanthu@{self.code.lower()}.example",
        )

    @cached_property
    def abbreviation(self) -> str:
        """`BTC`, `VPCP`, `UBND`: as in notations."""
        name = "Ủy ban nhân dân" if self.is_province else self.agency.name_vi
        words = (word for word in name.split() if word not in _SMALL_WORDS)
        return "".join(plain(word[0]).upper() for word in words)

    @property
    def place(self) -> str:
        """Where it issues its documents."""
        if not self.is_province:
            return "Hà Nội"
        _, _, province = self.agency.name_vi.partition("Ủy ban nhân dân ")
        return province.split(" ", 1)[1] if province.startswith("tỉnh") else province

    @property
    def signatures(self) -> tuple[tuple[str, str], ...]:
        """(competence, position) of those who sign for it."""
        if self.is_province:
            return (
                ("TM. ỦY BAN NHÂN DÂN", "CHỦ TỊCH"),
                ("KT. CHỦ TỊCH", "PHÓ CHỦ TỊCH"),
                ("TL. CHỦ TỊCH", "CHÁNH VĂN PHÒNG"),
            )
        if self.agency.name_vi.startswith("Bộ "):
            return (
                ("KT. BỘ TRƯỞNG", "THỨ TRƯỞNG"),
                ("TL. BỘ TRƯỞNG", "CHÁNH VĂN PHÒNG"),
            )
        return (
            ("KT. THỦ TRƯỞNG", "PHÓ THỦ TRƯỞNG"),
            ("TL. THỦ TRƯỞNG", "CHÁNH VĂN PHÒNG"),
        )


def bodies_of(directory: Directory) -> tuple[Body, ...]:
    """The connected bodies. Most write QCVN 102 codes, every eighth those of Decision 20."""
    qcvn = {
        alias.agency: alias.code
        for alias in directory.aliases
        if alias.scheme is CodeScheme.QCVN_102
    }
    connected = [agency for agency in directory.agencies if agency.connected]
    return tuple(
        Body(
            agency=agency,
            wire_code=agency.code
            if index % 8 == 7
            else qcvn.get(agency.code) or to_qcvn102(agency.code) or agency.code,
        )
        for index, agency in enumerate(connected)
    )


def plain(text: str) -> str:
    """Without the marks of vowels; Đ stays, as in abbreviations."""
    return "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))


def ascii_name(text: str) -> str:
    """As a file name that every system takes: `147-QĐ/UBND` becomes `147-QD-UBND`."""
    spelled = plain(text).replace("Đ", "D").replace("đ", "d")
    return "".join(c if c.isascii() and c.isalnum() else "-" for c in spelled).strip("-")
