"""KeyRing: the certificates whose signatures are believed, each proven to be an agency's.

Where the files lie is known to `bus.keys`; what is signed, to `signing`.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import verification
from cryptography.x509.oid import NameOID

from bus.core.algorithm import Algorithm, PublicKey, algorithms_of
from bus.core.base64url import to_base64url
from bus.core.certificate import UnreadableError, certificates_in, kind_of
from bus.core.revocation.statement import Assurance, Revocation, strictest
from schemas.identifiers import MailboxName
from schemas.limits import MAX_CHAIN_CERTIFICATES
from schemas.problem import AxisError
from schemas.term import Coded, Term, term

OWNER_PREFIX = "LT:VN-"
"""How a subject's organizationIdentifier states an owner: a national scheme of our own, in the
form that ETSI EN 319 412-1, 5.1.4 gives to such schemes; `LT:VN-H24.05` is mailbox H24.05."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CertifiedKey:
    """A public key that a configured authority vouches for, and whose it is.

    Attributes:
        thumbprint: SHA-256 of the certificate, base64url (`x5t#S256`, RFC 7515, 4.1.8).
        owner: The mailbox that signs with it.
        not_before: From the certificate, inclusive, UTC.
        not_after: From the certificate or, if earlier, from an authority above it; inclusive, UTC.
        subject: Distinguished name, RFC 4514.
        issuer: Distinguished name, RFC 4514.
        authorities: Thumbprints of the certificates above it; it counts no more than they do.
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
        """What it may sign with, the preferred algorithm first."""
        return algorithms_of(self.public_key)

    @property
    def encoded(self) -> bytes:
        """The public key itself, DER: the same for every certificate of it."""
        return self.public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    def revoked_by(self, revocations: Mapping[str, Revocation]) -> Revocation | None:
        """The strictest word against it, or against a certificate above it."""
        chain = (self.thumbprint, *self.authorities)
        found = (revocations[link] for link in chain if link in revocations)
        return min(found, key=Revocation.severity, default=None)

    def is_valid_at(self, moment: datetime) -> bool:
        """Whether a signature made at this moment counts."""
        return self.not_before <= moment <= self.not_after


class KeyRing(Mapping[str, CertifiedKey]):
    """Certified keys by thumbprint. Immutable; an owner may have several valid side by side."""

    __slots__ = ("_assurances", "_keys", "_revocations")

    def __init__(
        self,
        keys: Iterable[CertifiedKey] = (),
        revocations: Iterable[Revocation] = (),
        assurances: Iterable[Assurance] = (),
    ) -> None:
        """Gather keys, and what is said of them; of several verdicts the strictest holds.

        Args:
            keys: Proven by `certify`.
            revocations: Of these keys' certificates, or of those above them.
            assurances: Of the same, from sources that know of no revocation.

        Raises:
            ConfigurationError: One certificate is filed under two owners, or two certificates
                give one key to two owners (E_KEYS): either could sign as the other.
        """
        self._revocations = strictest(revocations)
        self._assurances: dict[str, Assurance] = {}
        for said in sorted(assurances, key=lambda assurance: assurance.stated_at):
            self._assurances[said.thumbprint] = said
        self._keys: dict[str, CertifiedKey] = {}
        owners: dict[bytes, MailboxName] = {}
        for key in keys:
            known = self._keys.setdefault(key.thumbprint, key)
            if known.owner != key.owner:
                cause = term("certificate_elsewhere", owner=known.owner)
                raise AxisError.of("E_KEYS", agency=key.owner, cause=cause)
            owner = owners.setdefault(key.encoded, key.owner)
            if owner != key.owner:
                cause = term("key_elsewhere", owner=owner)
                raise AxisError.of("E_KEYS", agency=key.owner, cause=cause)

    def __getitem__(self, thumbprint: str) -> CertifiedKey:
        return self._keys[thumbprint]

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)

    def revocation_of(self, thumbprint: str) -> Revocation | None:
        """That this certificate counts no more, or one above it, if so."""
        if not self._revocations or thumbprint not in self._keys:
            return self._revocations.get(thumbprint)
        return self._keys[thumbprint].revoked_by(self._revocations)

    def limited_to(self, vouched: Mapping[str, Collection[str]]) -> "KeyRing":
        """The same, without certificates that somebody else filed for an owner.

        Args:
            vouched: The thumbprints that each owner may have; of owners who are not in it, all
                may stay.
        """
        kept = (
            key
            for key in self._keys.values()
            if key.owner not in vouched or key.thumbprint in vouched[key.owner]
        )
        return KeyRing(kept, self._revocations.values(), self._assurances.values())

    def assurance_of(self, thumbprint: str) -> Assurance | None:
        """The last word of a source that knows of no revocation of this certificate."""
        return self._assurances.get(thumbprint)


def thumbprint_of(certificate: x509.Certificate) -> str:
    """The name a signature gives to its certificate: `x5t#S256` of RFC 7515, 4.1.8."""
    return to_base64url(certificate.fingerprint(hashes.SHA256()))


def certify(
    pem: bytes, *, authorities: Sequence[x509.Certificate], owner: MailboxName
) -> CertifiedKey:
    """Prove that a configured authority vouches for a certificate, and that it is the owner's.

    The chain is judged as RFC 5280 asks, at the certificate's first moment, so that the answer
    does not depend on the day: whether a signature counts is judged at its own signing time.
    Whoever files a certificate under an owner vouches for that; a subject which states an owner
    (see `OWNER_PREFIX`) must agree. Extended key usage is not judged: public authorities issue
    for mail and the web and know no purpose like ours. Revocation is not judged here.

    Args:
        pem: The certificate, followed by the intermediate ones it needs.
        authorities: The trust anchors.
        owner: The mailbox under which the certificate was filed.

    Raises:
        DocumentError: It is no certificate, unfit for signing documents, another's, or nobody
            trusted vouches for it (E_CERTIFICATE_UNTRUSTED).
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
    """What a certificate says by itself; None: nothing can be signed with its kind of key.

    Who vouches for it is not judged.
    """
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
    """A certificate and those above it, the trust anchor last; each is issued by the next.

    Raises:
        DocumentError: It cannot be read, or nobody trusted vouches for it
            (E_CERTIFICATE_UNTRUSTED).
    """
    certificate, intermediates = _read(pem)
    return tuple(_chain(certificate, intermediates, authorities))


def _read(pem: bytes) -> tuple[x509.Certificate, list[x509.Certificate]]:
    """A certificate, and the intermediate ones after it."""
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
    above = above.may_be_present(x509.KeyUsage, either, _must_sign_certificates)
    above = above.may_be_present(x509.NameConstraints, either, _must_not_constrain_names)
    below = anything.may_be_present(x509.BasicConstraints, either, _must_be_no_authority)
    below = below.require_present(x509.KeyUsage, either, _must_sign_documents)
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
        # Whatever else a strange certificate leads the library to: nobody vouches for it.
        raise _untrusted(term("chain_unjudged", error=kind_of(error))) from error


_OUR_RULES = {
    code: term(code).text()
    for code in (
        "issuer_no_signer",
        "issuer_constrains",
        "certificate_of_authority",
        "key_no_signer",
    )
}


def _why_no_chain(error: verification.VerificationError) -> Term:
    """Which rule of ours is broken, or what the library says."""
    said = str(error)
    broken = next((code for code, text in _OUR_RULES.items() if text in said), None)
    return term("no_chain", said=said) if broken is None else term(broken)


def _must_sign_certificates(
    _policy: verification.Policy, _certificate: x509.Certificate, usage: x509.KeyUsage | None
) -> None:
    if usage is not None and not usage.key_cert_sign:
        raise ValueError(_OUR_RULES["issuer_no_signer"])


def _must_not_constrain_names(
    _policy: verification.Policy,
    _certificate: x509.Certificate,
    constraints: x509.NameConstraints | None,
) -> None:
    # The library judges those of hosts and addresses, refuses these where they are critical, and
    # would pass them over where they are not.
    if constraints is None:
        return
    names = (*(constraints.permitted_subtrees or ()), *(constraints.excluded_subtrees or ()))
    if any(isinstance(name, x509.DirectoryName) for name in names):
        raise ValueError(_OUR_RULES["issuer_constrains"])


def _must_be_no_authority(
    _policy: verification.Policy,
    _certificate: x509.Certificate,
    constraints: x509.BasicConstraints | None,
) -> None:
    if constraints is not None and constraints.ca:
        raise ValueError(_OUR_RULES["certificate_of_authority"])


def _must_sign_documents(
    _policy: verification.Policy, _certificate: x509.Certificate, usage: x509.KeyUsage
) -> None:
    if not usage.digital_signature:
        raise ValueError(_OUR_RULES["key_no_signer"])


def stated_owners(subject: x509.Name) -> list[str]:
    """The owners that a subject states (see `OWNER_PREFIX`)."""
    values = [str(a.value) for a in subject.get_attributes_for_oid(NameOID.ORGANIZATION_IDENTIFIER)]
    return [v.removeprefix(OWNER_PREFIX) for v in values if v.startswith(OWNER_PREFIX)]


def _untrusted(cause: Coded) -> AxisError:
    return AxisError.of("E_CERTIFICATE_UNTRUSTED", cause=cause)
