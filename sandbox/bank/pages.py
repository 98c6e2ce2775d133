"""The page on which a buyer confirms a payment, as a bank's 3-D Secure or an app of the fast payment system would.

Where the shop named no card, the same page asks for one, as a provider's own payment page does.
"""

from html import escape
from typing import Any

_PAGE = """<!doctype html>
<html lang="ru"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sandbox Bank</title>
<style>
body {{ font: 17px/1.5 system-ui, sans-serif; background: #eef1f5; color: #17202c; display: grid; place-items: center;
       min-height: 100vh; margin: 0 }}
main {{ background: #fff; border-radius: 14px; padding: 2rem; width: min(24rem, 86vw);
        box-shadow: 0 8px 30px #0b1f3a22 }}
h1 {{ font-size: 1.1rem; margin: 0 }} p {{ margin: .7rem 0 }} .sum {{ font-size: 2rem; font-weight: 650 }}
button {{ font: inherit; width: 100%; padding: .7rem; border-radius: 9px; border: 1px solid #b9c3d0;
          background: #fff; cursor: pointer; margin-top: .6rem }}
.yes {{ background: #125bd8; border-color: #125bd8; color: #fff }} a {{ color: #125bd8 }}
select {{ font: inherit; width: 100%; padding: .7rem; margin: .3rem 0 }} small {{ color: #5b6878 }}
</style></head><body><main>
<h1>Sandbox Bank</h1>
<p class="sum">{amount} {currency}</p>
{content}
<p><small>Тестовый банк: настоящие деньги не списываются. · A test bank: no real money moves.</small></p>
</main></body></html>"""

_QUESTION = """<p>Подтвердите платёж.<br>Confirm the payment.</p>
<form method="post">
{cards}<button class="yes" name="result" value="confirm">Подтвердить · Confirm</button>
<button name="result" value="decline">Отказаться · Decline</button>
</form>"""

_CARDS = """<label>Карта · Card <select name="card">
<option value="tok_success">Платит · Pays</option>
<option value="tok_declined">Банк отклонит · Will be declined</option>
<option value="tok_insufficient_funds">Нет денег · Has no money</option>
</select></label>
"""

_ENDS = {
    "authorized": "Деньги удержаны до подтверждения магазина. · The money is held until the shop takes it.",
    "succeeded": "Платёж подтверждён. · The payment is confirmed.",
    "failed": "Платёж отклонён. · The payment was declined.",
    "cancelled": "Платёж отменён магазином. · The shop called the payment off.",
}


def render(charge: dict[str, Any]) -> str:
    """The question while it is open, then how it ended and the way back."""
    content = _QUESTION.format(cards=_CARDS if charge["token"] == "tok_page" else "")
    if charge["status"] != "requires_action":
        content = f"<p>{_ENDS[charge['status']]}</p>{_way_back(charge['return_url'])}"
    return _PAGE.format(amount=escape(charge["amount"] or ""), currency=escape(charge["currency"]), content=content)


def _way_back(url: str) -> str:
    if not url.startswith(("http://", "https://")):
        return ""
    return f'<p><a href="{escape(url)}">Вернуться в магазин · Back to the shop</a></p>'
