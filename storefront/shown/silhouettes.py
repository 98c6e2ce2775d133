"""A drawing of each kind of body, in the car's own colour, where a photograph would be."""

from dataclasses import dataclass

from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext_lazy as _

from storefront.shown.wording import Text


@dataclass(frozen=True)
class Shape:
    """One body seen from its left side, front to the left, on a field of 320 × 128 with the ground at 112."""

    name: Text
    words: tuple[str, ...]
    body: str
    glass: tuple[str, ...]
    creases: tuple[str, ...] = ()
    wheels: tuple[int, int] = (74, 246)
    radius: int = 20
    lamp: tuple[int, int] = (17, 66)
    tail: tuple[int, int] = (299, 60)


SHAPES: dict[str, Shape] = {
    "suv": Shape(
        name=_("SUV"),
        words=("внедорожник", "кроссовер", "suv", "crossover", "sport utility"),
        body=(
            "M14 90 L12 72 Q12 60 24 56 Q60 48 98 46 Q116 30 128 22 Q136 16 150 15 L236 14 Q262 15 272 22 "
            "Q288 34 296 52 L304 58 Q308 66 307 82 Q307 91 299 92 L273 92 A27 27 0 0 0 219 92 L101 92 "
            "A27 27 0 0 0 47 92 L20 92 Q14 92 14 90 Z"
        ),
        glass=("M112 46 Q126 30 136 25 Q141 22 150 22 L172 22 L172 46 Z", "M180 22 L218 22 L222 46 L180 46 Z",
               "M226 22 Q252 22 262 28 Q271 36 276 46 L230 46 Z"),
        creases=("M104 58 L296 56", "M176 50 L178 86", "M224 50 L218 72"),
        radius=22, tail=(298, 58), lamp=(15, 62),
    ),
    "hatchback": Shape(
        name=_("hatchback"),
        words=("хэтчбек", "хетчбек", "лифтбек", "hatch", "liftback", "compact"),
        body=(
            "M22 90 L20 76 Q20 66 31 62 Q60 54 96 50 Q124 28 146 24 Q186 18 228 24 Q252 29 272 46 L290 54 "
            "Q299 58 300 68 L302 82 Q302 90 294 91 L270 91 A25 25 0 0 0 220 91 L99 91 A25 25 0 0 0 49 91 L27 91 "
            "Q22 91 22 90 Z"
        ),
        glass=("M108 50 Q130 32 148 30 L174 28 L176 50 Z", "M183 28 Q214 26 228 31 Q246 37 258 49 L184 50 Z"),
        creases=("M100 62 L290 60", "M180 54 L182 86"),
        wheels=(74, 245), lamp=(23, 69), tail=(291, 58),
    ),
    "wagon": Shape(
        name=_("estate"),
        words=("универсал", "estate", "wagon", "touring"),
        body=(
            "M14 90 L12 76 Q12 66 24 62 Q56 54 92 51 Q118 30 140 25 Q156 22 190 21 L248 23 Q270 26 280 38 "
            "L292 56 Q304 60 306 70 L307 82 Q307 90 299 91 L273 91 A25 25 0 0 0 223 91 L97 91 A25 25 0 0 0 47 91 "
            "L19 91 Q14 91 14 90 Z"
        ),
        glass=("M104 51 Q126 32 142 30 L166 28 L166 50 Z", "M173 28 L212 28 L216 50 L173 50 Z",
               "M219 28 L246 29 Q262 31 268 38 L275 50 L224 50 Z"),
        creases=("M98 62 L294 60", "M170 54 L172 86", "M218 54 L222 70"),
        wheels=(72, 248), lamp=(15, 68), tail=(293, 59),
    ),
    "coupe": Shape(
        name=_("coupé"),
        words=("купе", "coupe", "coupé", "тарга"),
        body=(
            "M12 91 L10 80 Q10 71 22 67 Q60 57 106 54 Q134 34 156 30 Q186 26 214 33 Q246 43 268 53 L296 57 "
            "Q306 60 308 70 L309 83 Q309 91 301 92 L274 92 A25 25 0 0 0 224 92 L97 92 A25 25 0 0 0 47 92 L18 92 "
            "Q12 92 12 91 Z"
        ),
        glass=("M120 54 Q140 38 158 36 L186 35 L190 53 Z", "M193 35 Q212 37 226 43 L244 52 L197 53 Z"),
        creases=("M104 66 L296 63", "M198 57 Q202 72 196 86"),
        wheels=(72, 249), radius=21, lamp=(14, 72), tail=(297, 61),
    ),
    "cabriolet": Shape(
        name=_("convertible"),
        words=("кабриолет", "родстер", "cabrio", "convertible", "roadster", "открытый"),
        body=(
            "M12 91 L10 80 Q10 71 22 67 Q60 58 108 56 L112 55 L232 53 Q250 50 270 54 L296 58 Q306 61 308 70 L309 83 "
            "Q309 91 301 92 L274 92 A25 25 0 0 0 224 92 L97 92 A25 25 0 0 0 47 92 L18 92 Q12 92 12 91 Z"
        ),
        glass=("M114 55 Q134 36 146 33 L150 36 Q136 44 128 55 Z", "M182 53 Q184 41 192 41 Q198 42 197 53 Z",
               "M220 53 Q222 41 230 41 Q236 42 235 53 Z"),
        creases=("M104 68 L296 65", "M190 58 Q194 72 188 86"),
        wheels=(72, 249), radius=21, lamp=(14, 72), tail=(297, 62),
    ),
    "minivan": Shape(
        name=_("minivan"),
        words=("минивэн", "минивен", "компактвэн", "микровэн", "minivan", "mpv"),
        body=(
            "M18 90 L16 74 Q16 63 27 58 Q48 50 72 46 Q104 24 124 18 Q140 14 170 14 L252 15 Q276 17 284 30 "
            "Q294 46 297 58 L302 64 Q305 74 304 84 Q303 91 296 92 L274 92 A25 25 0 0 0 224 92 L99 92 "
            "A25 25 0 0 0 49 92 L23 92 Q18 92 18 90 Z"
        ),
        glass=("M86 47 Q108 29 124 24 L136 22 L138 47 Z", "M145 22 L200 22 L202 47 L145 47 Z",
               "M208 22 L250 22 Q268 23 274 32 L280 47 L210 47 Z"),
        creases=("M90 60 L296 58", "M141 50 L143 86", "M205 50 L206 86"),
        wheels=(74, 249), lamp=(19, 65), tail=(295, 58),
    ),
    "pickup": Shape(
        name=_("pick-up"),
        words=("пикап", "pickup", "pick-up", "truck"),
        body=(
            "M12 88 L10 70 Q10 60 20 56 Q54 50 86 47 Q102 28 114 22 Q122 18 136 18 L176 18 Q188 19 192 28 L198 50 "
            "L306 50 Q310 52 310 58 L311 82 Q311 90 303 91 L277 91 A27 27 0 0 0 223 91 L101 91 A27 27 0 0 0 47 91 "
            "L18 91 Q12 91 12 88 Z"
        ),
        glass=("M100 47 Q112 31 120 27 L130 25 L146 25 L146 47 Z", "M153 25 L174 25 Q181 26 183 31 L187 47 L153 47 Z"),
        creases=("M94 60 L306 60", "M150 50 L152 84", "M201 54 L201 84"),
        wheels=(74, 250), radius=23, lamp=(13, 62), tail=(305, 57),
    ),
    "van": Shape(
        name=_("van"),
        words=("фургон", "микроавтобус", "van", "bus"),
        body=(
            "M18 90 L16 70 Q16 60 26 54 L52 44 Q74 18 88 13 Q96 10 110 10 L284 10 Q300 11 302 24 L306 84 "
            "Q306 91 298 92 L276 92 A24 24 0 0 0 228 92 L98 92 A24 24 0 0 0 50 92 L24 92 Q18 92 18 90 Z"
        ),
        glass=("M66 45 Q82 25 92 20 L122 20 L122 46 L66 46 Z",),
        creases=("M126 16 L126 88", "M200 16 L200 84", "M66 62 L302 62"),
        wheels=(74, 252), lamp=(19, 64), tail=(298, 50),
    ),
    "sedan": Shape(
        name=_("saloon"),
        words=("седан", "sedan", "saloon", "лимузин"),
        body=(
            "M14 90 L12 77 Q12 67 24 63 Q58 55 96 52 Q124 30 146 26 Q180 21 208 26 Q232 33 256 50 L292 53 "
            "Q304 55 306 66 L308 82 Q308 90 300 91 L272 91 A25 25 0 0 0 222 91 L99 91 A25 25 0 0 0 49 91 L19 91 "
            "Q14 91 14 90 Z"
        ),
        glass=("M108 52 Q130 34 148 32 L172 30 L174 51 Z", "M181 30 Q198 30 207 33 Q224 38 240 50 L182 51 Z"),
        creases=("M102 64 L298 61", "M177 55 L179 86", "M228 56 L224 70"),
        wheels=(74, 247), lamp=(15, 69), tail=(295, 58),
    ),
}  # fmt: skip
"""Looked through in this order, so that «купе-хардтоп» is a coupé and «внедорожник открытый» stays an SUV."""

PAINTS: dict[str, tuple[str, ...]] = {
    "black": ("чёрн", "черн", "black"),
    "white": ("бел", "white"),
    "silver": ("серебр", "silver"),
    "grey": ("сер", "gray", "grey"),
    "sky": ("голуб", "light blue", "azure"),
    "blue": ("син", "blue"),
    "red": ("красн", "red", "бордов"),
    "brown": ("корич", "brown"),
    "green": ("зел", "green"),
    "beige": ("беж", "beige"),
    "yellow": ("жёлт", "желт", "yellow"),
    "gold": ("золот", "gold"),
    "orange": ("оранж", "orange"),
    "purple": ("пурпур", "фиолет", "purple", "violet"),
    "pink": ("розов", "pink"),
}


def body_kind(text: str) -> str:
    """Key of SHAPES for a body type as price lists write it; a saloon when it says nothing we know."""
    return _find(text, {key: shape.words for key, shape in SHAPES.items()}) or "sedan"


def paint_kind(text: str) -> str:
    """Key of PAINTS for a colour as price lists write it; `plain` when it says nothing we know."""
    return _find(text, PAINTS) or "plain"


def _find(text: str, words: dict[str, tuple[str, ...]]) -> str:
    folded = (text or "").casefold()
    return next((key for key, stems in words.items() if any(stem in folded for stem in stems)), "")


def silhouette(body: str = "", colour: str = "", *, label: str = "") -> SafeString:
    """The drawing as inline SVG: decoration unless it is given a `label`."""
    shape = SHAPES[body_kind(body)]
    role = format_html('role="img" aria-label="{}"', label) if label else mark_safe('aria-hidden="true"')
    return format_html(
        '<svg class="silhouette paint-{}" viewBox="0 0 320 128" {} focusable="false">{}</svg>',
        paint_kind(colour),
        role,
        mark_safe(_drawing(shape)),
    )


def _drawing(shape: Shape) -> str:
    """Only constants of this module go in, so the markup is safe."""
    ground_y = 91 + 20
    parts = [
        f'<ellipse class="ground" cx="160" cy="{ground_y}" rx="150" ry="5"/>',
        f'<path class="paint" d="{shape.body}"/>',
        *(f'<path class="glass" d="{path}"/>' for path in shape.glass),
        *(f'<path class="crease" d="{path}"/>' for path in shape.creases),
        f'<rect class="lamp" x="{shape.lamp[0]}" y="{shape.lamp[1]}" width="13" height="5" rx="2.5"/>',
        f'<rect class="tail" x="{shape.tail[0]}" y="{shape.tail[1]}" width="7" height="9" rx="2"/>',
    ]
    for x in shape.wheels:
        y = ground_y - shape.radius
        parts += [
            f'<circle class="tyre" cx="{x}" cy="{y}" r="{shape.radius}"/>',
            f'<circle class="rim" cx="{x}" cy="{y}" r="{shape.radius - 7}"/>',
            f'<circle class="hub" cx="{x}" cy="{y}" r="4"/>',
        ]
    return "".join(parts)
