"""Pages that are dear to answer: one list of their addresses, by the budget (a rate limit) each counts against.

The API says the same in `throttle_scopes` of its views. A test finds the pages that print files and are not here.
"""

from django.http import HttpRequest

FILES, CALCULATIONS = "files", "calculations"
DEAR = {
    "storefront:calculator": CALCULATIONS,
    "storefront:calculator-file": FILES,
    "storefront:deal": CALCULATIONS,
    "storefront:deal-calculator": CALCULATIONS,
    "storefront:loan-file": FILES,
    "storefront:order-documents": FILES,
    "storefront:order-paper": FILES,
    "storefront:policy-document": FILES,
}
SENT_ONLY = {"storefront:deal-calculator", "storefront:order-documents"}
"""Where only what is sent is worked out, or printed: the page itself is a form."""


def find_scope(request: HttpRequest) -> str | None:
    """The budget that this request counts against, if its page is dear."""
    match = request.resolver_match
    name = match.view_name if match else ""
    if name in SENT_ONLY and request.method != "POST":
        return None
    return DEAR.get(name)
