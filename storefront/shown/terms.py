"""Words of price lists in the visitor's language; what is not known here is shown as it was written."""

from django.utils.translation import gettext_lazy as _

from storefront.shown.wording import Text

TERMS: dict[str, Text] = {
    # bodies
    "седан": _("saloon"),
    "седан 2 дв.": _("saloon, 2 doors"),
    "седан-хардтоп": _("hardtop saloon"),
    "лимузин": _("limousine"),
    "внедорожник 5 дв.": _("SUV, 5 doors"),
    "внедорожник 3 дв.": _("SUV, 3 doors"),
    "внедорожник открытый": _("open SUV"),
    "лифтбек": _("liftback"),
    "хэтчбек 5 дв.": _("hatchback, 5 doors"),
    "хэтчбек 3 дв.": _("hatchback, 3 doors"),
    "универсал 5 дв.": _("estate, 5 doors"),
    "купе": _("coupé"),
    "купе-хардтоп": _("hardtop coupé"),
    "кабриолет": _("convertible"),
    "родстер": _("roadster"),
    "тарга": _("targa"),
    "минивэн": _("minivan"),
    "компактвэн": _("compact van"),
    "микровэн": _("microvan"),
    "фургон": _("van"),
    "пикап двойная кабина": _("pick-up, double cab"),
    "пикап полуторная кабина": _("pick-up, extended cab"),
    "пикап одинарная кабина": _("pick-up, single cab"),
    # gearboxes
    "автоматическая": _("automatic"),
    "механическая": _("manual"),
    "вариатор": _("CVT"),
    "роботизированная": _("robotised"),
    # drives
    "передний": _("front-wheel"),
    "задний": _("rear-wheel"),
    "полный": _("all-wheel"),
    # fuels
    "бензин": _("petrol"),
    "дизель": _("diesel"),
    "гибрид": _("hybrid"),
    "электро": _("electric"),
    "газ": _("gas"),
    "бензин, газобаллонное оборудование": _("petrol, LPG"),
    "дизель, газобаллонное оборудование": _("diesel, LPG"),
    "газ, газобаллонное оборудование": _("gas, LPG"),
    # colours
    "чёрный": _("black"),
    "белый": _("white"),
    "серый": _("grey"),
    "серебристый": _("silver"),
    "синий": _("blue"),
    "голубой": _("light blue"),
    "красный": _("red"),
    "коричневый": _("brown"),
    "зелёный": _("green"),
    "бежевый": _("beige"),
    "жёлтый": _("yellow"),
    "золотистый": _("gold"),
    "оранжевый": _("orange"),
    "пурпурный": _("purple"),
    "фиолетовый": _("violet"),
    "розовый": _("pink"),
    # papers and owners
    "левый": _("left"),
    "правый": _("right"),
    "1 владелец": _("one owner"),
    "2 владельца": _("two owners"),
    "3 или более": _("three or more owners"),
    "оригинал": _("original"),
    "дубликат": _("duplicate"),
    "растаможен": _("cleared"),
}


def term(text: str) -> Text:
    """A price list's word in the visitor's language."""
    return TERMS.get(text.casefold(), text)
