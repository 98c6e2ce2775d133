"""Check detached signatures (CMS, RFC 5652): whose certificate signed exactly these bytes, and who issued it.

`cryptography` makes such signatures and checks each of their parts, but reads no signer's part: that is done here.
RSA and elliptic curves of the West alone: signatures by GOST need a library that knows it, behind the same door.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import pkcs7
from cryptography.x509.oid import NameOID

SEQUENCE, SET, OCTETS, CONTEXT_0 = 0x30, 0x31, 0x04, 0xA0
_DIGEST = bytes.fromhex("06092a864886f70d010904")
"""The attribute messageDigest, as it is written."""
INN_OF_COMPANY, INN_OF_PERSON = x509.ObjectIdentifier("1.2.643.100.4"), x509.ObjectIdentifier("1.2.643.3.131.1.1")
"""Where certificates of Russia hold taxpayers' numbers (order 795 of the Federal Security Service, 2011)."""


class BadSignature(Exception):
    """The signature is not of these bytes, or its certificate is not to be trusted."""


@dataclass(frozen=True)
class Signer:
    """The certificate that signed: its owner, number and issuer; taxpayers' numbers and names that it holds."""

    subject: str
    serial: str
    issuer: str
    inns: frozenset[str]
    names: frozenset[str]

    def is_named(self, name: str) -> bool:
        """Tell whether it is somebody of this name, whatever the order of its words and their letters' case."""
        return bool(name.split()) and any(sorted(name.casefold().split()) == sorted(one.split()) for one in self.names)


def check_signature(cms: bytes, content: bytes, authority: x509.Certificate, now: datetime) -> Signer:
    """Return who signed the content. Raises BadSignature."""
    try:
        attributes, signature = _read_signer(cms)
        found = pkcs7.load_der_pkcs7_certificates(cms)
    except (ValueError, IndexError) as error:
        raise BadSignature("this is no detached signature") from error
    if _find_digest(attributes) != sha256(content).digest():
        raise BadSignature("the signature is of other bytes")
    signed = bytes([SET]) + attributes[1:]
    certificate = next((each for each in found if _is_by(each, signature, signed)), None)
    if certificate is None:
        raise BadSignature("no certificate of it made the signature")
    _require_trust(certificate, authority, now)
    names = certificate.subject
    inns = (each.value for number in (INN_OF_COMPANY, INN_OF_PERSON) for each in names.get_attributes_for_oid(number))
    return Signer(
        names.rfc4514_string(), f"{certificate.serial_number:x}", certificate.issuer.rfc4514_string(),
        frozenset(str(inn).removeprefix("00") for inn in inns), frozenset(_list_names(names)),
    )  # fmt: skip


def _list_names(subject: x509.Name) -> Iterator[str]:
    """List the owner's names in small letters: the common one, and surname with given names."""

    def read(oid: x509.ObjectIdentifier) -> str:
        return " ".join(str(each.value) for each in subject.get_attributes_for_oid(oid)).casefold()

    yield read(NameOID.COMMON_NAME)
    yield f"{read(NameOID.SURNAME)} {read(NameOID.GIVEN_NAME)}"


def _require_trust(certificate: x509.Certificate, authority: x509.Certificate, now: datetime) -> None:
    if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
        raise BadSignature("the certificate is not valid at this time")
    try:
        certificate.verify_directly_issued_by(authority)
    except (InvalidSignature, ValueError, TypeError) as error:
        raise BadSignature("the certificate is of another issuer") from error


def _is_by(certificate: x509.Certificate, signature: bytes, signed: bytes) -> bool:
    key = certificate.public_key()
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, signed, ec.ECDSA(hashes.SHA256()))
        else:
            return False
    except InvalidSignature:
        return False
    return True


def _read_signer(cms: bytes) -> tuple[bytes, bytes]:
    """Return the signed attributes and the signature of the only signer. Raises ValueError, IndexError."""
    (_tag, _whole, outer), *_rest = _read(cms)
    wrapped = [value for tag, _whole, value in _read(outer) if tag == CONTEXT_0]
    parts = list(_read(next(_read(wrapped[0]))[2]))
    if any(tag == CONTEXT_0 for tag, _whole, _value in _read(parts[2][2])):
        raise ValueError("the content stands inside")
    signers = list(_read(parts[-1][2]))
    if len(signers) != 1:
        raise ValueError("one signer is expected")
    fields = list(_read(signers[0][2]))
    attributes = next((whole for tag, whole, _value in fields if tag == CONTEXT_0), None)
    signature = next((value for tag, _whole, value in fields if tag == OCTETS), None)
    if attributes is None or signature is None:
        raise ValueError("attributes and a signature are expected")
    return attributes, signature


def _find_digest(attributes: bytes) -> bytes:
    """Return the digest that was signed; nothing where there is none."""
    for _tag, _whole, attribute in _read(next(_read(attributes))[2]):
        if attribute.startswith(_DIGEST):
            _oid, (_set, _all, values) = _read(attribute)
            return next(_read(values))[2]
    return b""


def _read(data: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Read DER: the tag, the whole and the value of each element. Raises ValueError, IndexError."""
    at = 0
    while at < len(data):
        begins, length, start = at, data[at + 1], at + 2
        if length & 0x80:
            size = length & 0x7F
            length, start = int.from_bytes(data[start : start + size]), start + size
        at = start + length
        if at > len(data) or at <= begins:
            raise ValueError("the length is wrong")
        yield data[begins], data[begins:at], data[start:at]
