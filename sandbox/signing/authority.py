"""Make certificates and detached signatures, by an authority that nobody accredited; its key stays in a file."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs7
from cryptography.x509.oid import NameOID

YEAR = timedelta(days=365)
INN_OF_COMPANY, INN_OF_PERSON = x509.ObjectIdentifier("1.2.643.100.4"), x509.ObjectIdentifier("1.2.643.3.131.1.1")
_COMPANY = 10


class Authority:
    """An authority in a folder: `ca.pem` is its certificate, for whoever is to trust it."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        key_file, self.file = folder / "ca.key", folder / "ca.pem"
        if not self.file.exists():
            self._found(key_file)
        loaded = serialization.load_pem_private_key(key_file.read_bytes(), None)
        assert isinstance(loaded, ec.EllipticCurvePrivateKey)
        self._key, self.certificate = loaded, x509.load_pem_x509_certificate(self.file.read_bytes())

    def _found(self, key_file: Path) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test authority of the sandbox")])
        certificate = _issue(name, name, key.public_key(), key, is_authority=True)
        form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        key_file.write_bytes(key.private_bytes(*form))
        self.file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def sign(self, content: bytes, *, name: str, inn: str) -> bytes:
        """Sign content with a certificate made for this person; the signature is detached."""
        key = ec.generate_private_key(ec.SECP256R1())
        attributes = [x509.NameAttribute(NameOID.COMMON_NAME, name[:64])]
        if inn:
            number = INN_OF_COMPANY if len(inn) == _COMPANY else INN_OF_PERSON
            attributes.append(x509.NameAttribute(number, inn))
        certificate = _issue(x509.Name(attributes), self.certificate.subject, key.public_key(), self._key)
        builder = pkcs7.PKCS7SignatureBuilder().set_data(content).add_signer(certificate, key, hashes.SHA256())
        options = [pkcs7.PKCS7Options.DetachedSignature, pkcs7.PKCS7Options.Binary]
        return builder.sign(serialization.Encoding.DER, options)


def _issue(
    subject: x509.Name,
    issuer: x509.Name,
    public_key: ec.EllipticCurvePublicKey,
    signer: ec.EllipticCurvePrivateKey,
    *,
    is_authority: bool = False,
) -> x509.Certificate:
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(public_key)
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(hours=1)).not_valid_after(
        now + YEAR * (10 if is_authority else 1)
    )
    builder = builder.add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
    return builder.sign(signer, hashes.SHA256())
