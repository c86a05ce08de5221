"""Body: the codes, abbreviation, place and signers of one body of the directory."""

import unicodedata
from dataclasses import dataclass
from functools import cached_property

from schemas.directory import Agency, AgencyKind, Directory
from schemas.document import Organization
from schemas.identifiers import AgencyCode, CodeScheme, to_qcvn102

_SMALL_WORDS = {"và", "-", "tại"}
_OF_PROVINCE = (
    ("TM. ỦY BAN NHÂN DÂN", "CHỦ TỊCH"),
    ("KT. CHỦ TỊCH", "PHÓ CHỦ TỊCH"),
    ("TL. CHỦ TỊCH", "CHÁNH VĂN PHÒNG"),
)
_OF_MINISTRY = (("KT. BỘ TRƯỞNG", "THỨ TRƯỞNG"), ("TL. BỘ TRƯỞNG", "CHÁNH VĂN PHÒNG"))
_OF_OTHERS = (("KT. THỦ TRƯỞNG", "PHÓ THỦ TRƯỞNG"), ("TL. THỦ TRƯỞNG", "CHÁNH VĂN PHÒNG"))


@dataclass(frozen=True, kw_only=True)
class Body:
    """A body of the directory as it appears in documents.

    Attributes:
        wire_code: Its code in OrganId, of either code scheme.
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
        """Its abbreviation in notations, for example `BTC`, `VPCP`, `UBND`."""
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
            return _OF_PROVINCE
        return _OF_MINISTRY if self.agency.name_vi.startswith("Bộ ") else _OF_OTHERS


def bodies_of(directory: Directory) -> tuple[Body, ...]:
    """The connected bodies. Most write QCVN 102 codes, every eighth those of Decision 20."""
    qcvn = {a.agency: a.code for a in directory.aliases if a.scheme is CodeScheme.QCVN_102}
    bodies = []
    for index, agency in enumerate(each for each in directory.agencies if each.connected):
        other = qcvn.get(agency.code) or to_qcvn102(agency.code)
        bodies.append(
            Body(agency=agency, wire_code=other if other and index % 8 != 7 else agency.code)
        )
    return tuple(bodies)


def plain(text: str) -> str:
    """The text without the marks of vowels; Đ stays, as in abbreviations."""
    return "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))


def ascii_name(text: str) -> str:
    """The text as a file name for every system: `147-QĐ/UBND` becomes `147-QD-UBND`."""
    spelled = plain(text).replace("Đ", "D").replace("đ", "d")
    return "".join(c if c.isascii() and c.isalnum() else "-" for c in spelled).strip("-")
