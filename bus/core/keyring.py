"""The key ring: certificates of agencies that a trusted authority issued."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import verification
from cryptography.x509.oid import NameOID

from bus.core.algorithm import Algorithm, PublicKey, algorithms_of
from bus.core.base64url import to_base64url
from bus.core.certificate import UnreadableError, certificates_in
from bus.core.revocation.statement import Assurance, Revocation, strictest
from schemas.identifiers import MailboxName
from schemas.limits import MAX_CHAIN_CERTIFICATES
from schemas.problem import AxisError
from schemas.term import Coded, Term, term

OWNER_PREFIX = "LT:VN-"
"""How a subject's organizationIdentifier names an owner: `LT:VN-H24.05` is mailbox H24.05. The
scheme is our own, in the form that ETSI EN 319 412-1, 5.1.4 defines for national schemes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CertifiedKey:
    """A public key with its owner, as certified by a configured authority.

    Attributes:
        thumbprint: SHA-256 of the certificate, base64url (`x5t#S256`, RFC 7515, 4.1.8).
        owner: The mailbox that signs with it.
        not_before: From the certificate, inclusive, UTC.
        not_after: The earliest end in its chain of certificates, inclusive, UTC.
        subject: Distinguished name, RFC 4514.
        issuer: Distinguished name, RFC 4514.
        authorities: Thumbprints of the other certificates in its chain. If one of them is revoked,
            so is this key.
    """

    thumbprint: str
    public_key: PublicKey
    owner: MailboxName
    not_before: datetime
    not_after: datetime
    subject: str
    issuer: str
    authorities: tuple[str, ...] = ()

    @property
    def algorithms(self) -> tuple[Algorithm, ...]:
        """The algorithms that it may sign with, preferred first."""
        return algorithms_of(self.public_key)

    @property
    def encoded(self) -> bytes:
        """The public key, DER; equal for all certificates of the same key."""
        return self.public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    def revoked_by(self, revocations: Mapping[str, Revocation]) -> Revocation | None:
        """The strictest revocation of its certificate or of another one in its chain."""
        chain = (self.thumbprint, *self.authorities)
        found = (revocations[link] for link in chain if link in revocations)
        return min(found, key=Revocation.severity, default=None)

    def is_valid_at(self, moment: datetime) -> bool:
        """Whether a signature that was made at this moment is valid."""
        return self.not_before <= moment <= self.not_after


class KeyRing(Mapping[str, CertifiedKey]):
    """Certified keys by thumbprint. Immutable. An owner may have several valid keys at once."""

    __slots__ = ("_assurances", "_keys", "_revocations")

    def __init__(
        self,
        keys: Iterable[CertifiedKey] = (),
        revocations: Iterable[Revocation] = (),
        assurances: Iterable[Assurance] = (),
    ) -> None:
        """Collect keys, revocations and assurances.

        Args:
            keys: Verified by `certify`.
            revocations: Of certificates in the chains of these keys; the strictest one applies.
            assurances: From sources that know of no revocation; the newest one applies.

        Raises:
            ConfigurationError: E_KEYS: one certificate or one public key has two owners, so that
                either could sign as the other.
        """
        self._revocations = strictest(revocations)
        self._assurances: dict[str, Assurance] = {}
        for said in sorted(assurances, key=lambda assurance: assurance.stated_at):
            self._assurances[said.thumbprint] = said
        self._keys: dict[str, CertifiedKey] = {}
        owners: dict[bytes, MailboxName] = {}
        for key in keys:
            known = self._keys.setdefault(key.thumbprint, key)
            owner = owners.setdefault(key.encoded, key.owner)
            for code, other in (("certificate_elsewhere", known.owner), ("key_elsewhere", owner)):
                if other != key.owner:
                    cause = term(code, owner=other)
                    raise AxisError.of("E_KEYS", agency=key.owner, cause=cause)

    def __getitem__(self, thumbprint: str) -> CertifiedKey:
        return self._keys[thumbprint]

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)

    def revocation_of(self, thumbprint: str) -> Revocation | None:
        """The revocation of a certificate or of another one in its chain; None: not revoked."""
        if not self._revocations or thumbprint not in self._keys:
            return self._revocations.get(thumbprint)
        return self._keys[thumbprint].revoked_by(self._revocations)

    def limited_to(self, vouched: Mapping[str, Collection[str]]) -> "KeyRing":
        """A copy with only the certificates that the directory names for an owner.

        Args:
            vouched: Owner → the thumbprints that it may have. Owners that are missing keep all.
        """
        kept = (
            key
            for key in self._keys.values()
            if key.owner not in vouched or key.thumbprint in vouched[key.owner]
        )
        return KeyRing(kept, self._revocations.values(), self._assurances.values())

    def assurance_of(self, thumbprint: str) -> Assurance | None:
        """The newest statement that this certificate is not revoked; None: there is none."""
        return self._assurances.get(thumbprint)


def thumbprint_of(certificate: x509.Certificate) -> str:
    """How a signature names its certificate: `x5t#S256` of RFC 7515, 4.1.8."""
    return to_base64url(certificate.fingerprint(hashes.SHA256()))


def certify(
    pem: bytes, *, authorities: Sequence[x509.Certificate], owner: MailboxName
) -> CertifiedKey:
    """Verify that a certificate belongs to its owner and leads to a configured authority.

    The chain is verified by RFC 5280 at the first moment of the certificate, so that the result
    does not depend on the day; each signature is checked at its own signing time. The operator who
    stores a certificate under an owner is responsible for that; if the subject names an owner (see
    `OWNER_PREFIX`), it must be the same. Extended key usage is not checked, because public
    authorities issue for mail and the web only. Revocation is not checked here.

    Args:
        pem: The certificate, followed by the intermediate certificates.
        authorities: The trust anchors.
        owner: The mailbox under which the certificate is stored.

    Raises:
        DocumentError: E_CERTIFICATE_UNTRUSTED: it is not a certificate, is not suitable for
            signing documents, belongs to another owner, or leads to no trust anchor.
    """
    certificate, intermediates = _read(pem)
    key = key_of(certificate, owner=owner)
    if key is None:
        raise _untrusted(term("certificate_key_unfit"))
    for stated in stated_owners(certificate.subject):
        if stated != owner:
            raise _untrusted(term("certificate_of_other", stated=stated, owner=owner))
    chain = _chain(certificate, intermediates, authorities)
    return replace(
        key,
        not_after=min(link.not_valid_after_utc for link in chain),
        authorities=tuple(thumbprint_of(link) for link in chain[1:]),
    )


def key_of(certificate: x509.Certificate, *, owner: MailboxName) -> CertifiedKey | None:
    """The key of a certificate, with an unverified chain; None: its kind of key is unsuitable."""
    public_key = certificate.public_key()
    if not isinstance(public_key, PublicKey) or not algorithms_of(public_key):
        return None
    return CertifiedKey(
        thumbprint=thumbprint_of(certificate),
        public_key=public_key,
        owner=owner,
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        subject=certificate.subject.rfc4514_string(),
        issuer=certificate.issuer.rfc4514_string(),
    )


def chain_of(
    pem: bytes, *, authorities: Sequence[x509.Certificate]
) -> tuple[x509.Certificate, ...]:
    """The verified chain of a certificate: each is issued by the next, the trust anchor is last.

    Raises:
        DocumentError: E_CERTIFICATE_UNTRUSTED: it cannot be read, or leads to no trust anchor.
    """
    certificate, intermediates = _read(pem)
    return tuple(_chain(certificate, intermediates, authorities))


def _read(pem: bytes) -> tuple[x509.Certificate, list[x509.Certificate]]:
    """A certificate, and its intermediate certificates."""
    try:
        certificate, *intermediates = certificates_in(pem)
    except UnreadableError as error:
        raise _untrusted(error.cause) from error
    if len(intermediates) >= MAX_CHAIN_CERTIFICATES:
        raise _untrusted(term("certificate_many", limit=MAX_CHAIN_CERTIFICATES))
    return certificate, intermediates


def _chain(
    certificate: x509.Certificate,
    intermediates: list[x509.Certificate],
    authorities: Sequence[x509.Certificate],
) -> list[x509.Certificate]:
    if not authorities:
        raise _untrusted(term("no_authority"))
    anything, either = verification.ExtensionPolicy.permit_all(), verification.Criticality.AGNOSTIC
    above = anything.require_present(x509.BasicConstraints, either, None)
    above = above.may_be_present(
        x509.KeyUsage, either, _rule("issuer_no_signer", lambda usage: not usage.key_cert_sign)
    )
    above = above.may_be_present(
        x509.NameConstraints, either, _rule("issuer_constrains", _constrains_names)
    )
    below = anything.may_be_present(
        x509.BasicConstraints, either, _rule("certificate_of_authority", lambda found: found.ca)
    )
    below = below.require_present(
        x509.KeyUsage, either, _rule("key_no_signer", lambda usage: not usage.digital_signature)
    )
    try:
        verifier = (
            verification.PolicyBuilder()
            .store(verification.Store(list(authorities)))
            .time(certificate.not_valid_before_utc)
            .extension_policies(ca_policy=above, ee_policy=below)
            .build_client_verifier()
        )
        return verifier.verify(certificate, intermediates).chain
    except verification.VerificationError as error:
        raise _untrusted(_why_no_chain(error)) from error
    except Exception as error:
        # Malformed certificates make the library raise other errors too.
        raise _untrusted(term("chain_unjudged", error=type(error).__name__)) from error


_RULES = ("issuer_no_signer", "issuer_constrains", "certificate_of_authority", "key_no_signer")
_OUR_RULES = {code: term(code).text() for code in _RULES}


def _why_no_chain(error: verification.VerificationError) -> Term:
    """The rule of ours that is broken, or else the message of the library."""
    said = str(error)
    broken = next((code for code, text in _OUR_RULES.items() if text in said), None)
    return term("no_chain", said=said) if broken is None else term(broken)


def _rule(
    code: str, is_broken: Callable[[Any], bool]
) -> Callable[[verification.Policy, x509.Certificate, Any], None]:
    """A callback for the library that checks one extension, if the certificate has it."""

    def check(_policy: verification.Policy, _certificate: x509.Certificate, found: Any) -> None:
        if found is not None and is_broken(found):
            raise ValueError(_OUR_RULES[code])

    return check


def _constrains_names(constraints: x509.NameConstraints) -> bool:
    """Whether it restricts directory names.

    The library checks constraints of hosts and addresses. It refuses directory names only where the
    extension is critical, and ignores them elsewhere.
    """
    names = (*(constraints.permitted_subtrees or ()), *(constraints.excluded_subtrees or ()))
    return any(isinstance(name, x509.DirectoryName) for name in names)


def stated_owners(subject: x509.Name) -> list[str]:
    """The owners that a subject names (see `OWNER_PREFIX`)."""
    values = [str(a.value) for a in subject.get_attributes_for_oid(NameOID.ORGANIZATION_IDENTIFIER)]
    return [v.removeprefix(OWNER_PREFIX) for v in values if v.startswith(OWNER_PREFIX)]


def _untrusted(cause: Coded) -> AxisError:
    return AxisError.of("E_CERTIFICATE_UNTRUSTED", cause=cause)
