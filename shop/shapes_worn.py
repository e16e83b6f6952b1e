"""Shapes of what is worn above the ankle."""

from __future__ import annotations

from shop.ink import Ink, dots, line, path


def torso(ink: Ink, bottom: int, sleeve: int, flare: int = 0) -> str:
    """Body and sleeves of anything worn above the waist."""
    left = f"M150 96 L108 118 L{70 - flare} {sleeve} L{106 - flare} {sleeve + 12} L132 176"
    body = f"L{128 - flare} {bottom} L{272 + flare} {bottom} L268 176 L{294 + flare} {sleeve + 12} L{330 + flare} {sleeve}"
    return path(f"{left} {body} L292 118 L250 96 Q200 124 150 96 Z", ink.main)


def jacket(ink: Ink) -> str:
    hood = path("M150 98 Q152 48 200 46 Q248 48 250 98 Q200 128 150 98 Z", ink.shade)
    pockets = path("M148 236 h38 v40 h-38 Z", ink.shade) + path("M214 236 h38 v40 h-38 Z", ink.shade)
    return (
        hood
        + torso(ink, 318, 268)
        + line("M200 116 V318")
        + pockets
        + dots(((192, 160), (192, 205)), ink.line, 4)
    )


def down(ink: Ink) -> str:
    rows = "".join(line(f"M131 {y} Q200 {y + 14} 269 {y}") for y in (158, 196, 234, 272))
    return (
        path("M156 96 Q158 66 200 64 Q242 66 244 96 Z", ink.shade)
        + torso(ink, 312, 262)
        + rows
        + line("M200 112 V312")
    )


def coat(ink: Ink) -> str:
    lapels = path("M162 98 L200 190 L176 204 L146 112 Z", ink.shade) + path(
        "M238 98 L200 190 L224 204 L254 112 Z", ink.shade
    )
    return (
        torso(ink, 342, 280, 8)
        + lapels
        + line("M200 190 V342")
        + dots(((214, 226), (214, 262), (214, 298)), ink.light)
    )


def blazer(ink: Ink) -> str:
    lapels = path("M164 98 L200 206 L172 196 L148 110 Z", ink.light) + path(
        "M236 98 L200 206 L228 196 L252 110 Z", ink.light
    )
    return (
        torso(ink, 308, 276)
        + lapels
        + line("M200 206 V308")
        + line("M152 262 h34 M214 262 h34")
        + dots(((210, 230),), ink.line)
    )


def tshirt(ink: Ink) -> str:
    return path(
        "M150 100 L84 134 L104 190 L134 176 L130 316 L270 316 L266 176 L296 190 L316 134 L250 100 Q200 138 150 100 Z",
        ink.main,
    ) + path("M150 100 Q200 138 250 100 L240 95 Q200 124 160 95 Z", ink.shade)


def shirt(ink: Ink) -> str:
    collar = path("M158 92 L200 124 L176 148 Z", ink.light) + path("M242 92 L200 124 L224 148 Z", ink.light)
    return (
        torso(ink, 316, 276)
        + collar
        + line("M200 124 V316")
        + dots(((200, 170), (200, 212), (200, 254)), ink.line, 5)
    )


def polo(ink: Ink) -> str:
    collar = path("M156 96 L200 122 L178 146 Z", ink.shade) + path("M244 96 L200 122 L222 146 Z", ink.shade)
    return tshirt(ink) + collar + line("M200 122 V186") + dots(((200, 150), (200, 172)), ink.light, 5)


def sweater(ink: Ink) -> str:
    ribs = "".join(line(f"M{x} 300 V318") for x in range(142, 266, 14))
    cable = "".join(
        line(f"M{x} 148 q10 16 0 32 q-10 16 0 32 q10 16 0 32 q-10 16 0 32") for x in (174, 200, 226)
    )
    return (
        torso(ink, 318, 272)
        + path("M150 96 Q200 124 250 96 L244 84 Q200 106 156 84 Z", ink.shade)
        + cable
        + ribs
    )


def hoodie(ink: Ink) -> str:
    hood = path("M146 104 Q146 50 200 50 Q254 50 254 104 Q200 140 146 104 Z", ink.shade)
    pouch = path("M158 248 h84 l14 48 h-112 Z", ink.shade)
    return torso(ink, 318, 272) + hood + pouch + line("M184 122 v44 M216 122 v44")


def trousers(ink: Ink) -> str:
    legs = path("M144 70 H256 L274 340 H222 L200 160 L178 340 H126 Z", ink.main)
    return (
        legs
        + path("M144 70 H256 L258 92 H142 Z", ink.shade)
        + line("M200 92 V160 M150 104 q16 14 8 34 M250 104 q-16 14 -8 34")
    )


def shorts(ink: Ink) -> str:
    legs = path("M132 110 H268 L296 270 H216 L200 190 L184 270 H104 Z", ink.main)
    return (
        legs
        + path("M132 110 H268 L271 132 H129 Z", ink.shade)
        + line("M200 132 V190 M188 132 v22 M212 132 v22")
    )


def leggings(ink: Ink) -> str:
    legs = path("M152 60 H248 L250 150 L232 344 H206 L200 170 L194 344 H168 L150 150 Z", ink.main)
    return legs + path("M152 60 H248 V86 H152 Z", ink.shade)


def dress(ink: Ink) -> str:
    skirt = path("M156 186 H244 L296 340 Q200 362 104 340 Z", ink.main)
    top = path("M160 74 L148 130 L156 186 H244 L252 130 L240 74 Q200 132 160 74 Z", ink.main)
    return (
        skirt
        + top
        + path("M156 180 h88 v14 h-88 Z", ink.shade)
        + line("M170 220 L148 330 M230 220 L252 330 M200 220 V346")
    )


def skirt(ink: Ink) -> str:
    folds = "".join(line(f"M{200 + x} 128 L{200 + 2 * x} 322") for x in (-34, -17, 0, 17, 34))
    return (
        path("M150 106 H250 L300 322 Q200 340 100 322 Z", ink.main)
        + path("M150 104 h100 v24 h-100 Z", ink.shade)
        + folds
    )
