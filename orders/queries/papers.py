"""Issued papers as they are read: the frozen bytes, the copy with the protocol of its signatures, and their proof."""

import hashlib
import json
from dataclasses import dataclass

from core.clock import dealer_zone
from core.errors import NotFound
from core.secrecy.sealing import unseal
from orders.models import DocumentSignature, IssuedDocument, SignatureMethod, SignatureSide, TaxPaperKind
from orders.rules.paper_pages import print_paper
from orders.rules.passports import mask_phone
from orders.rules.tax_forms import print_tax_paper

WORDS = {
    "ru": {
        "title": "# Протокол подписания документа № {number}",
        "hash": "SHA-256 файла документа: {sha256}",
        "text": "SHA-256 текста документа: {sha256}",
        "side": "## {side}: {name}",
        "method": "| Вид подписи | {method} |",
        "moment": "| Подписано | {at} |",
        "sent": "| Код отправлен | {at}, на телефон {phone} |",
        "code_hash": "| Хеш кода | {code} |",
        "checked": "| Личность и телефон | проверены сотрудником {by} по паспорту |",
        "from": "| IP-адрес; программа | {address}; {agent} |",
        "signer": "| Учётная запись | {signer} |",
        "certificate": "| Сертификат | {certificate} |",
        "authority": "Откреплённая подпись (CMS) и сертификат хранятся вместе с документом; подпись проверена.",
        "law": "Простая электронная подпись: ст. 5, 6 и 9 Федерального закона от 06.04.2011 № 63-ФЗ; равнозначность "
        "собственноручной подписи следует из соглашения сторон.",
        SignatureSide.BUYER: "Покупатель",
        SignatureSide.SELLER: "Продавец",
        SignatureMethod.CODE: "простая, одноразовым кодом",
        SignatureMethod.ACCOUNT: "простая, учётной записью сотрудника",
        SignatureMethod.QUALIFIED: "усиленная квалифицированная",
    },
    "en": {
        "title": "# Protocol of signing document No. {number}",
        "hash": "SHA-256 of the document's file: {sha256}",
        "text": "SHA-256 of the document's text: {sha256}",
        "side": "## {side}: {name}",
        "method": "| Kind of signature | {method} |",
        "moment": "| Signed | {at} |",
        "sent": "| Code sent | {at}, to the phone {phone} |",
        "code_hash": "| Hash of the code | {code} |",
        "checked": "| Identity and phone | checked by employee {by} with the passport |",
        "from": "| IP address; program | {address}; {agent} |",
        "signer": "| Account | {signer} |",
        "certificate": "| Certificate | {certificate} |",
        "authority": "The detached signature (CMS) and the certificate are kept with the paper; they were checked.",
        "law": "Simple electronic signature: Federal Law 63-FZ of 6 April 2011, articles 5, 6 and 9; that it equals "
        "one by hand follows from the agreement of the parties.",
        SignatureSide.BUYER: "Buyer",
        SignatureSide.SELLER: "Seller",
        SignatureMethod.CODE: "simple, by a one-time code",
        SignatureMethod.ACCOUNT: "simple, by an employee's account",
        SignatureMethod.QUALIFIED: "qualified",
    },
}


@dataclass(frozen=True)
class Verification:
    """Hashes of a kept paper computed anew, and whether signatures are bound to them."""

    sha256: str
    computed_sha256: str
    text_sha256: str
    computed_text_sha256: str
    signatures_match: bool

    @property
    def is_intact(self) -> bool:
        """Tell whether the kept bytes and words are those that were issued."""
        return self.sha256 == self.computed_sha256 and self.text_sha256 == self.computed_text_sha256


def read_paper(document: IssuedDocument, *, is_signed_copy: bool) -> bytes:
    """Return a paper as PDF, with the protocol of its signatures if wanted. Raises NotFound once it was erased."""
    if not document.content:
        raise NotFound
    signatures = list(document.signatures.order_by("signed_at")) if is_signed_copy else []
    if not signatures:
        return unseal(bytes(document.content))
    protocol = write_protocol(document, signatures)
    if document.kind in TaxPaperKind.values:
        return print_tax_paper(json.loads(document.text), appendix=protocol)
    return print_paper(
        document.text,
        title=f"{document.title} {document.number}",
        author=document.title,
        language=document.language,
        appendix=protocol,
    )


def read_in_english(document: IssuedDocument) -> bytes:
    """Return a tax paper's reading in English; no other paper has one: it is issued in either language.

    Raises NotFound for these, and once it was erased.
    """
    if document.kind not in TaxPaperKind.values or not document.text:
        raise NotFound
    return print_tax_paper(json.loads(document.text), in_english=True)


def write_protocol(document: IssuedDocument, signatures: list[DocumentSignature]) -> str:
    """Return the text of the page that says who signed which bytes when, from where and how."""
    words = WORDS[document.language]
    lines = [
        words["title"].format(number=document.number),
        words["hash"].format(sha256=document.sha256),
        words["text"].format(sha256=document.text_sha256),
    ]
    for signature in signatures:
        lines += _say(words, signature)
    return "\n".join([*lines, "", words["law"]])


def _say(words: dict[str, str], signature: DocumentSignature) -> list[str]:
    at = {"at": signature.signed_at.astimezone(dealer_zone()).isoformat(timespec="seconds")}
    told = [
        words["side"].format(side=words[signature.side], name=signature.signer_name),
        words["method"].format(method=words[signature.method]),
        words["moment"].format(**at),
    ]
    if signature.code_sent_at:
        sent = signature.code_sent_at.astimezone(dealer_zone()).isoformat(timespec="seconds")
        told.append(words["sent"].format(at=sent, phone=mask_phone(signature.phone)))
        told.append(words["code_hash"].format(code=signature.code_hash))
    if signature.identity_checked_by:
        told.append(words["checked"].format(by=signature.identity_checked_by))
    if signature.certificate:
        told.append(words["certificate"].format(certificate=_plain(signature.certificate)))
        told.append(words["authority"])
    if signature.address:
        told.append(words["from"].format(address=signature.address, agent=_plain(signature.user_agent)))
    return [*told, words["signer"].format(signer=signature.signer_id)]


def _plain(text: str) -> str:
    """Keep what strangers say out of the table's own marks."""
    return " ".join(text.replace("|", "¦").split())


def verify_paper(document: IssuedDocument) -> Verification:
    """Compute the hashes of a kept paper anew. Raises NotFound once it was erased."""
    if not document.content:
        raise NotFound
    pdf, text = unseal(bytes(document.content)), document.text.encode()
    bound = document.signatures.values_list("sha256", "text_sha256")
    return Verification(
        sha256=document.sha256,
        computed_sha256=hashlib.sha256(pdf).hexdigest(),
        text_sha256=document.text_sha256,
        computed_text_sha256=hashlib.sha256(text).hexdigest(),
        signatures_match=all(pair == (document.sha256, document.text_sha256) for pair in bound),
    )
