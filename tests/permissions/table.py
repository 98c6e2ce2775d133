"""List who may call what: the one table that the tests execute and docs/permissions.md shows.

Words: `anyone`; `guests too`, where a token that is sent must have the scope; `signed in`; `own`, where staff see
everybody's and another's is 404; `mine`, where even staff see only theirs; `own or admin`; `person's or admin`, the
same without API keys; `public or staff`, where the object made is not public; `own list` and `my list`, the same for
collections; `manager` (admins too); `admin`; `by secret`, where roles count for nothing and a signature does.
"""

from dataclasses import dataclass
from pathlib import Path

from tests.permissions import pages, screens

CALLERS = ("anonymous", "another client", "owner", "manager", "admin", "owner's key", "admin's key without the scope")
YES = "yes"
WORDS: dict[str, tuple[str, ...]] = {
    "anyone": (YES, YES, YES, YES, YES),
    "guests too": (YES, YES, YES, YES, YES),
    "signed in": ("401", YES, YES, YES, YES),
    "own": ("401", "404", YES, YES, YES),
    "mine": ("401", "404", YES, "404", "404"),
    "own or admin": ("401", "404", YES, "404", YES),
    "public or staff": ("404", "404", "404", YES, YES),
    "person's or admin": ("401", "404", YES, "404", YES),
    "own list": ("401", "theirs only", YES, YES, YES),
    "my list": ("401", "theirs only", YES, "theirs only", "theirs only"),
    "manager": ("401", "403", "403", YES, YES),
    "admin": ("401", "403", "403", "403", YES),
    "by secret": ("secret", "secret", "secret", "secret", "secret"),
}
TABLE = """
# Accounts
POST   /auth/register                                     anyone
POST   /auth/token                                        anyone
POST   /auth/login                                        anyone
POST   /auth/refresh                                      anyone
POST   /auth/logout                                       signed in
POST   /auth/verify                                       anyone
GET    /auth/me                                           signed in
GET    /auth/google/login                                 anyone
GET    /auth/google/callback                              anyone
GET    /auth/sessions                                     my list
DELETE /auth/sessions/{}                                  mine
POST   /auth/reset-password                               anyone
POST   /auth/reset-password/confirm                       anyone
POST   /auth/verify-email                                 signed in
POST   /auth/undo-email                                   anyone
POST   /auth/verify-email/confirm                         anyone
POST   /auth/step-up                                     signed in
POST   /auth/mfa/enroll                                   signed in
POST   /auth/mfa/confirm                                  signed in
POST   /auth/mfa/disable                                  signed in
GET    /auth/api-keys                                     my list
POST   /auth/api-keys                                     signed in
DELETE /auth/api-keys/{}                                  mine
POST   /auth/ws-ticket                                    signed in
GET    /users                                             admin
POST   /users                                             admin
GET    /users/search                                      admin
GET    /users/me                                          signed in
PUT    /users/me                                          signed in
PATCH  /users/me                                          signed in
PUT    /users/me/password                                 signed in
GET    /users/{}                                          admin
PUT    /users/{}                                          admin
PATCH  /users/{}                                          admin
DELETE /users/{}                                          admin
PUT    /users/{}/roles                                    admin
GET    /users/{}/activity                                 own or admin
GET    /users/{}/integrations                             own or admin
GET    /users/{}/exports                                  own or admin
POST   /users/{}/exports                                  own or admin
GET    /users/{}/exports/{}                               own or admin
GET    /users/{}/exports/{}/download                      person's or admin
# Catalogue
GET    /categories                                        anyone
POST   /categories                                        manager
GET    /categories/{}                                     anyone
PATCH  /categories/{}                                     manager
DELETE /categories/{}                                     manager
GET    /categories/{}/attributes                          anyone
POST   /categories/{}/attributes                          manager
GET    /categories/{}/attributes/{}                       anyone
PATCH  /categories/{}/attributes/{}                       manager
DELETE /categories/{}/attributes/{}                       manager
GET    /products                                          anyone
POST   /products                                          manager
GET    /products/facets                                   anyone
GET    /products/compare                                  anyone
GET    /feeds/yml                                         anyone
GET    /feeds/csv                                         anyone
GET    /products/{}                                       anyone
PATCH  /products/{}                                       manager
DELETE /products/{}                                       manager
POST   /products/{}/stock                                 manager
GET    /products/{}/stock-movements                       manager
POST   /products/{}/stage                                 manager
GET    /products/{}/images                                anyone
POST   /products/{}/images                                manager
PUT    /products/{}/images                                manager
DELETE /products/{}/images/{}                             manager
GET    /products/{}/prices                                manager
GET    /products/{}/cost                                  manager
GET    /products/{}/scheduled-prices                      manager
POST   /products/{}/scheduled-prices                      manager
DELETE /products/{}/scheduled-prices/{}                   manager
GET    /saved-searches                                    my list
POST   /saved-searches                                    signed in
DELETE /saved-searches/{}                                 mine
POST   /saved-searches/{}/look                            mine
GET    /favourites                                        my list
POST   /favourites                                        signed in
DELETE /favourites/{}                                     mine
GET    /imports                                           manager
POST   /imports                                           manager
GET    /imports/{}                                        manager
GET    /imports/{}/errors                                 manager
GET    /imports/{}/refused-rows                           manager
# Orders
GET    /orders                                            own list
POST   /orders                                            signed in
GET    /orders/events                                     own list
GET    /orders/{}                                         own
PATCH  /orders/{}                                         own
DELETE /orders/{}                                         admin
GET    /orders/my-stats                                   signed in
GET    /orders/stats                                      manager
PATCH  /orders/{}/items/{}                                own
DELETE /orders/{}/items/{}                                own
GET    /orders/{}/documents/{}                            own
GET    /orders/{}/registration-data                       manager
POST   /orders/{}/cancel                                  own
POST   /orders/{}/assign                                  manager
POST   /orders/{}/hold                                    manager
POST   /orders/{}/return                                  own
GET    /orders/{}/marks                                   manager
POST   /orders/{}/marks                                   manager
DELETE /orders/{}/marks/{}                                manager
GET    /orders/{}/messages                                own
POST   /orders/{}/messages                                own
POST   /orders/{}/messages/read                           own
POST   /orders/{}/messages/settle                         manager
GET    /orders/{}/handover-slots                          own
GET    /orders/{}/handover-appointment                    own
POST   /orders/{}/handover-appointment                    own
DELETE /orders/{}/handover-appointment                    own
GET    /orders/{}/handover-appointment/calendar           own
GET    /commissions                                       manager
POST   /commissions                                       admin
GET    /commissions/months                                manager
GET    /commission-rules                                  admin
POST   /commission-rules                                  admin
GET    /commission-rules/{}                               admin
GET    /offers                                            own list
POST   /offers                                            manager
GET    /offers/{}                                         own
PATCH  /offers/{}                                         manager
POST   /offers/{}/send                                    manager
POST   /offers/{}/revise                                  manager
POST   /offers/{}/withdraw                                manager
POST   /offers/{}/decline                                 own
POST   /offers/{}/order                                   own
GET    /offers/{}/document                                own
GET    /offers/{}/timeline                                manager
GET    /queue                                             own list
POST   /queue                                             signed in
GET    /queue/{}                                          own
POST   /queue/{}/leave                                    mine
POST   /queue/{}/accept                                   mine
POST   /queue/{}/skip                                     manager
GET    /campaigns                                         manager
POST   /campaigns                                         manager
GET    /campaigns/{}                                      manager
PUT    /campaigns/{}                                      manager
PATCH  /campaigns/{}                                      manager
DELETE /campaigns/{}                                      manager
GET    /coupons                                           manager
POST   /coupons                                           manager
GET    /coupons/{}                                        manager
PUT    /coupons/{}                                        manager
PATCH  /coupons/{}                                        manager
DELETE /coupons/{}                                        manager
GET    /returns                                           own list
GET    /returns/{}                                        own
POST   /returns/{}/inspect                                manager
POST   /returns/{}/accept                                 manager
POST   /returns/{}/refuse                                 manager
GET    /orders/deposit-terms                              anyone
GET    /document-templates                                manager
POST   /document-templates                                manager
GET    /document-templates/fields                         manager
POST   /document-templates/preview                        manager
GET    /document-templates/{}                             manager
PATCH  /document-templates/{}                             manager
DELETE /document-templates/{}                             manager
POST   /document-templates/{}/enforce                     manager
POST   /document-templates/{}/retire                      manager
GET    /document-templates/{}/preview                     manager
GET    /documents                                         own list
GET    /documents/{}                                      own
GET    /documents/{}/file                                 own
POST   /documents/{}/sign                                 own
POST   /documents/{}/sign-qualified                       own
GET    /documents/{}/verify                               own
POST   /orders/{}/documents                               own
GET    /orders/{}/buyer-papers                            own
PUT    /orders/{}/buyer-papers                            own
GET    /orders/{}/buyer-papers/full                       own
POST   /orders/{}/buyer-papers/check                      manager
GET    /orders/{}/deposit                                 own
POST   /orders/{}/deposit/fault                           manager
POST   /orders/deal-quote                                 anyone
GET    /orders/deal-quote/{}                              own
PUT    /orders/{}/status                                  own
GET    /orders/{}/timeline                                own
GET    /orders/{}/checkout                                manager
POST   /orders/{}/checkout/{}/{}                          manager
GET    /cart                                              guests too
POST   /cart/items                                        guests too
PUT    /cart/coupon                                       signed in
PATCH  /cart/items/{}                                     mine
DELETE /cart/items/{}                                     mine
POST   /cart/checkout                                     signed in
# Payments
GET    /payment-methods                                   my list
POST   /payment-methods                                   signed in
GET    /payment-methods/{}                                mine
DELETE /payment-methods/{}                                mine
GET    /payments                                          own list
POST   /payments                                          signed in
GET    /payments/{}                                       own
POST   /payments/{}/capture                               manager
POST   /payments/{}/cancel                                manager
POST   /payments/{}/refund                                manager
GET    /receipts                                          own list
GET    /receipts/{}                                       own
POST   /receipts/{}/retry                                 manager
POST   /receipts/{}/correct                               manager
GET    /refunds                                           manager
GET    /refunds/{}                                        manager
POST   /refunds/{}/approve                                manager
POST   /refunds/{}/reject                                 manager
POST   /refunds/{}/retry                                  manager
GET    /transactions                                      own list
GET    /legal-entities                                    manager
POST   /legal-entities                                    admin
GET    /legal-entities/{}                                 manager
PUT    /legal-entities/{}                                 admin
PATCH  /legal-entities/{}                                 admin
DELETE /legal-entities/{}                                 admin
GET    /legal-entities/{}/history                         manager
GET    /ledger/accounts                                   signed in
GET    /ledger/accounts/{}/statement                      manager
GET    /reconciliations                                   manager
GET    /reconciliations/{}                                manager
POST   /payments/webhooks/{}                              by secret
# Financing
POST   /financing/calculate                               anyone
POST   /financing/calculate/{}                            anyone
GET    /financing/work-calendar/{}                        anyone
GET    /financing/programmes                              anyone
POST   /financing/programmes                              manager
GET    /financing/programmes/{}                           anyone
PATCH  /financing/programmes/{}                           manager
GET    /financing/applications                            own list
POST   /financing/applications                            signed in
GET    /financing/applications/{}                         own
GET    /financing/applications/{}/schedule                own
GET    /financing/applications/{}/offers                  own
POST   /financing/applications/{}/accept                  mine
POST   /financing/applications/{}/withdraw                own
POST   /financing/applications/{}/approve                 manager
POST   /financing/applications/{}/reject                  manager
POST   /financing/applications/{}/counter-offer           manager
POST   /financing/applications/{}/override                manager
GET    /financing/applications/{}/documents               own
POST   /financing/applications/{}/documents               own
GET    /financing/applications/{}/documents/{}            own
POST   /financing/applications/{}/documents/{}/review     manager
GET    /financing/overrides                               manager
GET    /financing/overrides/{}                            manager
POST   /financing/overrides/{}/confirm                    manager
POST   /financing/overrides/{}/reject                     manager
GET    /financing/loans                                   own list
GET    /financing/loans/{}                                own
GET    /financing/loans/{}/schedule                       own
GET    /financing/loans/{}/schedule/{}                    own
GET    /financing/loans/{}/payments                       own
POST   /financing/loans/{}/payments                       own
POST   /financing/loans/{}/payments/{}/reverse            manager
POST   /financing/loans/{}/payments/{}/confirm            manager
POST   /financing/loans/{}/payments/{}/refuse             manager
GET    /financing/loans/{}/payoff                         own
POST   /financing/loans/{}/early-repayment                own
POST   /financing/loans/{}/return                         own
POST   /financing/loans/{}/moratorium                     manager
POST   /financing/loans/{}/collect                        manager
POST   /financing/loans/{}/stop-collecting                manager
POST   /financing/loans/{}/restructure                    manager
POST   /financing/loans/{}/write-off                      manager
GET    /financing/loans/portfolio                         manager
# Insurance
GET    /insurance/quotes                                  own list
POST   /insurance/quotes                                  signed in
GET    /insurance/quotes/{}                               own
GET    /insurance/policies                                own list
GET    /insurance/policies/{}                             own
POST   /insurance/policies/{}/cancel                      own
POST   /insurance/policies/{}/keep                        own
POST   /insurance/policies/{}/pay-instalment              own
POST   /insurance/policies/{}/autopay                     own
POST   /insurance/policies/{}/price-endorsement           own
GET    /insurance/claims                                  own list
POST   /insurance/claims                                  signed in
GET    /insurance/claims/{}                               own
POST   /insurance/claims/{}/assess                        manager
POST   /insurance/claims/{}/approve                       manager
POST   /insurance/claims/{}/reject                        manager
POST   /insurance/quotes/{}/purchase                      own
GET    /insurance/policies/{}/document                    own
POST   /insurance/policies/{}/endorse                     own
GET    /insurance/policies/{}/endorsements                own
POST   /insurance/policies/{}/renew                       own
POST   /insurance/policies/{}/reinstate                   manager
POST   /insurance/policies/{}/confirm                     manager
GET    /insurance/claims/{}/documents                     own
POST   /insurance/claims/{}/documents                     own
GET    /insurance/claims/{}/documents/{}                  own
POST   /insurance/claims/{}/withdraw                      own
POST   /insurance/claims/{}/request-documents             manager
POST   /insurance/claims/{}/pay                           manager
POST   /insurance/claims/{}/reopen                        manager
POST   /insurance/claims/{}/close                         manager
# Clients
GET    /clients                                           manager
POST   /clients                                           manager
GET    /clients/me                                        signed in
GET    /clients/{}                                        manager
PUT    /clients/{}                                        manager
PATCH  /clients/{}                                        manager
DELETE /clients/{}                                        manager
GET    /clients/{}/contacts                               manager
POST   /clients/{}/contacts                               manager
POST   /clients/{}/contacts/batch                         manager
GET    /clients/{}/activity                               manager
POST   /clients/{}/activity                               manager
GET    /clients/{}/consents                               manager
POST   /clients/{}/consents                               manager
GET    /clients/{}/vehicles                               manager
POST   /clients/{}/vehicles                               manager
DELETE /clients/{}/vehicles/{}                            manager
POST   /clients/{}/merge                                  manager
POST   /clients/merges/{}/undo                            manager
GET    /leads                                             manager
POST   /leads                                             manager
GET    /leads/{}                                          manager
PATCH  /leads/{}                                          manager
POST   /leads/{}/reply                                    manager
POST   /leads/{}/move                                     manager
GET    /clients/duplicates                                manager
GET    /clients/imports                                   manager
POST   /clients/imports                                   manager
GET    /clients/imports/{}                                manager
GET    /clients/imports/{}/errors                         manager
GET    /clients/imports/{}/refused-rows                   manager
GET    /clients/export/csv                                manager
GET    /clients/export/csv-gz                             manager
GET    /clients/export/xlsx                               manager
POST   /clients/duplicates/{}/dismiss                     manager
# Showroom
GET    /events                                            anyone
POST   /events                                            manager
GET    /events/{}                                         anyone
PUT    /events/{}                                         manager
PATCH  /events/{}                                         manager
DELETE /events/{}                                         manager
POST   /events/{}/cancel                                  manager
POST   /events/{}/register                                signed in
GET    /events/{}/registrations                           own list
DELETE /events/{}/registrations/{}                        own
GET    /events/{}/calendar                                anyone
POST   /events/{}/check-in                                manager
POST   /events/{}/registrations/{}/accept                 own
POST   /events/{}/registrations/{}/pay                    mine
GET    /test-drive-cars                                   anyone
GET    /test-drives                                       own list
POST   /test-drives                                       signed in
GET    /test-drives/{}                                    own
GET    /test-drives/{}/calendar                           own
POST   /test-drives/{}/cancel                             own
POST   /test-drives/{}/hand-over                          manager
POST   /test-drives/{}/no-show                            manager
POST   /test-drives/{}/take-back                          manager
GET    /event-categories                                  anyone
POST   /event-categories                                  manager
GET    /event-categories/{}                               anyone
PUT    /event-categories/{}                               manager
PATCH  /event-categories/{}                               manager
DELETE /event-categories/{}                               manager
# Webhooks to partners
GET    /webhooks                                          admin
POST   /webhooks                                          admin
GET    /webhooks/{}                                       admin
PUT    /webhooks/{}                                       admin
PATCH  /webhooks/{}                                       admin
DELETE /webhooks/{}                                       admin
POST   /webhooks/{}/test                                  admin
POST   /webhooks/{}/rotate-secret                         admin
GET    /webhooks/{}/deliveries                            admin
GET    /deliveries/{}                                     admin
POST   /deliveries/{}/redeliver                           admin
# Resources
GET    /resource-types                                    manager
POST   /resource-types                                    manager
GET    /resource-types/{}                                 manager
PUT    /resource-types/{}                                 manager
PATCH  /resource-types/{}                                 manager
DELETE /resource-types/{}                                 manager
GET    /resources                                         manager
POST   /resources                                         manager
GET    /resources/{}                                      manager
PUT    /resources/{}                                      manager
PATCH  /resources/{}                                      manager
DELETE /resources/{}                                      manager
POST   /resources/{}/allocate                             manager
GET    /resources/{}/availability                         manager
GET    /resources/{}/slots                                public or staff
GET    /resources/{}/blackouts                            manager
POST   /resources/{}/blackouts                            manager
DELETE /resources/{}/blackouts/{}                         manager
POST   /resources/{}/in-service                           manager
POST   /resources/{}/out-of-service                       manager
GET    /allocations                                       manager
GET    /allocations/{}                                    manager
POST   /allocations/{}/release                            manager
# Approvals
GET    /approvals                                         manager
GET    /approvals/{}                                      manager
POST   /approvals/{}/approve                              manager
POST   /approvals/{}/reject                               manager
# Audit
GET    /audit                                             admin
# Accounting
GET    /accounting/journal                                manager
GET    /accounting/sales                                  manager
GET    /accounting/money                                  manager
GET    /accounting/stock                                  manager
GET    /accounting/commerceml                             manager
# Notifications
GET    /notifications                                     my list
POST   /notifications/{}/read                             mine
GET    /notifications/preferences                         signed in
PUT    /notifications/preferences                         signed in
"""
DOCUMENT = Path(__file__).resolve().parent.parent.parent / "docs" / "permissions.md"


@dataclass(frozen=True)
class Row:
    """One endpoint below /api/v1; `{}` stands for an id."""

    part: str
    method: str
    path: str
    word: str

    def cells(self) -> dict[str, str]:
        """List what each caller gets. An API key with the scope may do what its owner may; none changes an account."""
        people = WORDS[self.word]
        is_open = self.word in ("anyone", "by secret", "public or staff")
        is_changing_account = self.part == "Accounts" and self.method != "GET"
        is_for_people = is_changing_account or self.word == "person's or admin"
        keys = people[2:4] if is_open else ("403" if is_for_people else people[2], "403")
        return dict(zip(CALLERS, [*people, *keys], strict=True))


def rows() -> list[Row]:
    """Every row of the table."""
    found, part = [], ""
    for line in TABLE.strip().splitlines():
        if line.startswith("# "):
            part = line[2:]
        else:
            method, path, word = line.split(maxsplit=2)
            found.append(Row(part, method, path, word))
    return found


def render() -> str:
    """The page docs/permissions.md."""
    lines = [
        "# Who may call what",
        "",
        "Every endpoint below `/api/v1`, by caller. The page is written from `tests/permissions/table.py` by",
        "`python -m tests.permissions.table`; `tests/permissions/test_matrix.py` executes every cell.",
        "",
        "**yes**: allowed (the input and the state may still be refused) · **401**: a token is needed · **403**: the",
        "role is not enough · **404**: another's object does not exist · **theirs only**: the list leaves out what is",
        "others' · **secret**: a signature decides, whoever calls.",
    ]
    part = ""
    for row in rows():
        if row.part != part:
            part = row.part
            head = ["Endpoint", *(caller.capitalize() for caller in CALLERS)]
            lines += ["", f"## {part}", "", _line(head), _line(["---"] * len(head))]
        lines.append(_line([f"{row.method} `{row.path.replace('{}', '{id}')}`", *row.cells().values()]))
    return "\n".join([*lines, *_pages(), *_screens()]) + "\n"


def _pages() -> list[str]:
    lines = ["", "# Who may open which page", "", "Executed by `tests/permissions/test_pages.py`."]
    part = ""
    for row in pages.pages():
        if row.part != part:
            part = row.part
            head = ["Page", *(caller.capitalize() for caller in pages.CALLERS)]
            lines += ["", f"## Pages: {part.lower()}", "", _line(head), _line(["---"] * len(head))]
        lines.append(_line([f"{row.method} `{row.path.replace('{}', '{id}')}`", *row.cells().values()]))
    return lines


def _screens() -> list[str]:
    head = ["Screen", "Look", "Add", "Change", "Delete", "Buttons"]
    lines = ["", "# Who may use which screen of the admin", "", "Executed by `tests/permissions/test_screens.py`.", ""]
    lines += [_line(head), _line(["---"] * len(head))]
    for row in screens.screens():
        buttons = ", ".join(f"`{button}`" for button in sorted(row.buttons)) or "–"
        lines.append(_line([f"`{row.model}`", row.look, row.add, row.change, row.delete, buttons]))
    return lines


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    DOCUMENT.write_text(render())
