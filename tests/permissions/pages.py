"""List who may open which page and send which form: the table that tests/permissions/test_pages.py executes.

Words: `anyone`; `signed in`, where others are led to the sign-in; `own`, where staff see everybody's and another's is
not found; `mine`, where even staff find only theirs; `holder`, the same of guests too; `by link`, of what guests made;
`manager` (admins too); `script`, what scripts ask for, where whoever is not signed in gets 401; `step`, a manager's on
the board, where they are told to sign in; `not offered`, what the settings switch off. Staff who owe a second
factor are clients everywhere.
"""

from dataclasses import dataclass

CALLERS = ("anonymous", "another client", "staff who owe a factor", "manager", "admin", "owner")
YES, SIGN_IN, TOLD = "yes", "sign in", "told to sign in"
WORDS: dict[str, tuple[str, ...]] = {
    "anyone": (YES, YES, YES, YES, YES, YES),
    "signed in": (SIGN_IN, YES, YES, YES, YES, YES),
    "script": ("401", YES, YES, YES, YES, YES),
    "own": (SIGN_IN, "404", "404", YES, YES, YES),
    "mine": (SIGN_IN, "404", "404", "404", "404", YES),
    "by link": ("404", "404", "404", YES, YES, YES),
    "holder": ("404", "404", "404", "404", "404", YES),
    "step": (TOLD, "403", "403", YES, YES, "403"),
    "not offered": ("404",) * 6,
    "manager": (SIGN_IN, "403", "403", YES, YES, "403"),
}
TABLE = """
# Cars
GET  /                                              anyone
GET  /cars/                                         anyone
GET  /robots.txt                                    anyone
GET  /badges/                                       anyone
GET  /manifest.webmanifest                          anyone
GET  /offline/                                      anyone
GET  /service-worker.js                             anyone
GET  /sitemap.xml                                   anyone
GET  /sitemap/pages/                                anyone
GET  /sitemap/cars/{}/                              anyone
GET  /cars/{}/                                      anyone
GET  /cars/{}/ask/                                  anyone
POST /cars/{}/ask/                                  anyone
GET  /contacts/                                     anyone
GET  /contacts/ask/                                 anyone
POST /contacts/ask/                                 anyone
GET  /personal-data/                                anyone
POST /cars/{}/buy/                                  signed in
POST /cars/{}/queue/                                signed in
POST /queue/{}/leave/                               mine
GET  /cars/{}/deal/                                 anyone
POST /cars/{}/deal/                                 anyone
GET  /deals/{}/                                     by link
POST /deals/{}/order/                               own
GET  /compare/                                      anyone
POST /compare/{}/                                   anyone
POST /compare/{}/remove/                            anyone
GET  /favourites/                                   signed in
POST /favourites/{}/                                signed in
POST /favourites/{}/remove/                         signed in
GET  /saved-searches/                               signed in
POST /saved-searches/                               signed in
GET  /saved-searches/{}/                            mine
POST /saved-searches/{}/delete/                     mine
# Cart and orders
GET  /cart/                                         anyone
POST /cart/add/{}/                                  anyone
POST /cart/items/{}/                                holder
POST /cart/insurance/{}/                            signed in
POST /cart/checkout/                                signed in
GET  /orders/                                       signed in
GET  /orders/{}/                                    own
POST /orders/{}/pay/                                mine
POST /orders/{}/cancel/                             own
POST /orders/{}/again/                              mine
POST /orders/{}/return/                             own
POST /orders/{}/change/                             own
GET  /orders/{}/messages/                           own
POST /orders/{}/messages/send/                      own
POST /orders/{}/messages/read/                      own
POST /orders/{}/messages/settle/                    manager
GET  /orders/{}/handover/                           own
POST /orders/{}/handover/book/                      own
POST /orders/{}/handover/cancel/                    own
GET  /orders/{}/handover/calendar/                  own
GET  /orders/{}/passport/                           own
POST /orders/{}/passport/                           own
GET  /orders/{}/documents/                          own
POST /orders/{}/documents/                          own
GET  /orders/{}/documents/{}/                       own
GET  /orders/{}/papers/{}/                          own
GET  /offers/                                       signed in
GET  /offers/{}/                                    mine
GET  /offers/{}/paper/                              mine
POST /offers/{}/order/                              mine
POST /offers/{}/decline/                            mine
GET  /paid/{}/                                      mine
GET  /orders/{}/loan/                               mine
POST /orders/{}/loan/                               mine
# Board
GET  /board/                                        manager
GET  /board/approvals/                              manager
POST /board/approvals/{}/                           manager
POST /board/queue/{}/skip/                          manager
POST /board/returns/{}/                             manager
POST /board/{}/move/                                step
POST /board/{}/steer/                               manager
POST /board/{}/fault/                               manager
POST /board/{}/money/                               manager
# Credit
GET  /loan-calculator/                              anyone
GET  /loan-calculator/schedule.{}                   anyone
GET  /credit/                                       signed in
GET  /credit/applications/{}/                       mine
POST /credit/applications/{}/accept/                mine
POST /credit/applications/{}/withdraw/              mine
GET  /credit/applications/{}/papers/                mine
POST /credit/applications/{}/papers/                mine
GET  /credit/applications/{}/papers/{}/             mine
GET  /credit/loans/{}/                              mine
POST /credit/loans/{}/pay/                          mine
POST /credit/loans/{}/early/                        mine
GET  /credit/loans/{}/schedule.{}                   mine
# Insurance
GET  /insurance/                                    signed in
GET  /insurance/quote/                              signed in
POST /insurance/quote/                              signed in
GET  /insurance/quotes/{}/                          mine
POST /insurance/quotes/{}/take/                     mine
GET  /insurance/{}/                                 mine
POST /insurance/{}/change/                          mine
POST /insurance/{}/instalment/                      mine
POST /insurance/{}/cancel/                          mine
POST /insurance/{}/renew/                           mine
GET  /insurance/{}/document/                        mine
POST /insurance/{}/claim/                           mine
POST /insurance/claims/{}/withdraw/                 mine
POST /insurance/claims/{}/papers/                   mine
# Happenings
GET  /events/                                       anyone
GET  /events/{}/                                    anyone
POST /events/{}/register/                           signed in
POST /events/{}/accept/                             mine
POST /events/{}/pay/                                mine
POST /events/{}/give-up/                            mine
GET  /test-drives/                                  anyone
POST /test-drives/book/                             signed in
POST /test-drives/{}/cancel/                        mine
# Oneself
GET  /notifications/                                signed in
POST /notifications/read/                           mine
POST /notifications/{}/read/                        mine
GET  /notifications/preferences/                    signed in
POST /notifications/preferences/                    signed in
GET  /account/                                      signed in
POST /account/                                      signed in
GET  /account/prove/                                signed in
POST /account/prove/                                signed in
GET  /account/data/{}/                              mine
POST /live-ticket/                                  script
GET  /sign-in/                                      anyone
POST /sign-in/                                      anyone
POST /sign-in/code/                                 anyone
GET  /sign-in/provider/                             not offered
GET  /sign-in/provider/callback/                    anyone
GET  /sign-up/                                      anyone
POST /sign-up/                                      anyone
POST /sign-out/                                     anyone
GET  /forgot-password/                              anyone
POST /forgot-password/                              anyone
GET  /reset-password/                               anyone
POST /reset-password/                               anyone
GET  /verify-email/                                 anyone
POST /verify-email/                                 anyone
GET  /undo-email/                                   anyone
POST /undo-email/                                   anyone
GET  /unsubscribe/                                  anyone
POST /unsubscribe/                                  anyone
POST /language/                                     anyone
"""


@dataclass(frozen=True)
class Page:
    """A page or a form's address; `{}` stands for what varies."""

    part: str
    method: str
    path: str
    word: str

    def cells(self) -> dict[str, str]:
        """List what each caller gets."""
        return dict(zip(CALLERS, WORDS[self.word], strict=True))


def pages() -> list[Page]:
    """Every row of the table."""
    found, part = [], ""
    for line in TABLE.strip().splitlines():
        if line.startswith("# "):
            part = line[2:]
        else:
            method, path, word = line.split(maxsplit=2)
            found.append(Page(part, method, path, word))
    return found
