"""Shapes of shoes, bags and things."""

from __future__ import annotations

from shop.ink import Ink, dots, line, path
from shop.shapes_worn import torso


def sneaker(ink: Ink) -> str:
    upper = path(
        "M84 206 Q120 214 150 168 L196 190 Q250 238 322 250 Q338 262 334 288 H78 Q72 240 84 206 Z", ink.main
    )
    sole = path("M72 286 H336 Q340 318 318 318 H90 Q70 316 72 286 Z", "#f7f4ec")
    return (
        upper
        + sole
        + line("M160 186 l22 -14 M182 202 l22 -14 M206 218 l20 -14")
        + path("M84 206 Q92 240 82 262 L110 262 Q112 232 104 206 Z", ink.shade)
    )


def boot(ink: Ink) -> str:
    upper = path("M116 90 H208 L210 190 Q226 216 276 228 Q322 240 318 290 H112 Z", ink.main)
    sole = path("M104 288 H324 V318 H290 l-10 -10 l-12 10 h-20 l-12 -10 l-12 10 H108 Z", ink.line)
    return (
        upper
        + sole
        + line("M208 122 h-34 M210 148 h-34 M210 174 h-32 M222 204 l-24 14")
        + path("M112 86 h98 v18 h-98 Z", ink.shade)
    )


def rain_boot(ink: Ink) -> str:
    upper = path("M122 66 H212 L208 220 Q250 232 290 244 Q322 256 318 296 H120 Z", ink.main)
    return (
        upper
        + path("M112 294 H322 Q326 322 302 322 H116 Z", ink.shade)
        + path("M118 62 h98 v20 h-98 Z", ink.shade)
        + line("M150 110 V220")
    )


def loafer(ink: Ink) -> str:
    upper = path("M78 214 Q118 232 160 206 Q216 214 270 246 Q330 254 330 288 H76 Q66 246 78 214 Z", ink.main)
    return (
        upper
        + path("M160 206 q40 6 76 30 l-24 24 q-36 -14 -70 -22 Z", ink.light)
        + path("M72 286 H334 V302 H124 V318 H72 Z", ink.line)
    )


def slipper(ink: Ink) -> str:
    sole = path("M70 270 Q200 246 334 280 Q346 312 310 314 H92 Q62 304 70 270 Z", ink.shade)
    return (
        sole
        + path("M176 268 Q204 190 282 214 Q338 236 334 286 Q250 300 176 268 Z", ink.main)
        + dots(((250, 240),), ink.light, 9)
    )


def sock(ink: Ink) -> str:
    leg = path(
        "M150 70 H224 V226 Q270 250 296 276 Q312 320 262 326 Q220 326 168 276 Q148 256 150 216 Z", ink.main
    )
    return (
        leg
        + path("M148 66 h78 v34 h-78 Z", ink.light)
        + path("M150 214 q30 10 34 74 q-34 -30 -34 -74 Z", ink.shade)
    )


def backpack(ink: Ink) -> str:
    body = path(
        "M124 150 Q124 76 200 76 Q276 76 276 150 V318 Q276 338 256 338 H144 Q124 338 124 318 Z", ink.main
    )
    flap = path("M124 150 Q124 76 200 76 Q276 76 276 150 V196 H124 Z", ink.shade)
    pocket = path("M146 236 h108 v78 h-108 Z", ink.light)
    return (
        line("M176 78 Q176 50 200 50 Q224 50 224 78")
        + body
        + flap
        + pocket
        + line("M160 196 v34 M240 196 v34")
    )


def tote(ink: Ink) -> str:
    return (
        line("M150 160 Q150 70 200 70 Q250 70 250 160")
        + path("M108 158 H292 L304 336 H96 Z", ink.main)
        + path("M108 158 H292 L294 182 H106 Z", ink.shade)
    )


def crossbody(ink: Ink) -> str:
    strap = line("M118 200 Q110 60 200 60 Q290 60 282 200")
    return (
        strap
        + path("M104 196 H296 V296 Q296 322 270 322 H130 Q104 322 104 296 Z", ink.main)
        + path("M104 196 H296 V228 Q200 290 104 228 Z", ink.shade)
        + dots(((200, 256),), ink.light, 9)
    )


def scarf(ink: Ink) -> str:
    loop = path("M120 120 Q200 60 280 120 Q292 176 200 186 Q108 176 120 120 Z", ink.main) + path(
        "M148 128 Q200 96 252 128 Q236 152 200 152 Q164 152 148 128 Z", ink.shade
    )
    tails = path("M160 172 L150 316 H196 L204 178 Z", ink.main) + path(
        "M206 178 L214 292 H256 L244 166 Z", ink.light
    )
    return (
        tails + loop + line("M156 316 v18 M170 316 v18 M184 316 v18 M222 292 v18 M236 292 v18 M250 292 v18")
    )


def beanie(ink: Ink) -> str:
    ribs = "".join(line(f"M{x} 240 v52") for x in range(122, 290, 18))
    return (
        path("M106 250 Q104 110 200 108 Q296 110 294 250 Z", ink.main)
        + path("M98 236 H302 V296 H98 Z", ink.shade)
        + ribs
        + f'<circle cx="200" cy="100" r="24" fill="{ink.light}"/>'
    )


def glove(ink: Ink) -> str:
    hand = "M140 338 V214 L102 170 Q98 146 122 148 L152 176 V104 Q164 84 178 104 V160 V84 Q192 64 206 84 V160 V96 Q220 76 234 96 V170 V124 Q248 106 260 124 V338 Z"
    return (
        path(hand, ink.main)
        + path("M136 300 h128 v40 h-128 Z", ink.shade)
        + line("M170 210 v40 M200 206 v44 M230 210 v40")
    )


def umbrella(ink: Ink) -> str:
    top = path(
        "M64 210 Q72 84 200 78 Q328 84 336 210 Q302 184 268 210 Q234 184 200 210 Q166 184 132 210 Q98 184 64 210 Z",
        ink.main,
    )
    return (
        line("M200 200 V312 Q200 340 176 338 Q160 334 162 316 M200 78 V60")
        + top
        + path("M132 210 Q150 110 200 78 Q250 110 268 210 Q234 184 200 210 Q166 184 132 210 Z", ink.shade)
    )


def blanket(ink: Ink) -> str:
    stack = path("M92 176 H308 V324 H92 Z", ink.main) + path(
        "M92 176 Q200 130 308 176 L308 206 H92 Z", ink.light
    )
    fringe = "".join(line(f"M{x} 324 v16") for x in range(100, 308, 16))
    return stack + line("M92 240 H308 M92 270 H308 M140 206 V324 M200 206 V324 M260 206 V324") + fringe


def cushion(ink: Ink) -> str:
    pillow = path("M96 120 Q200 138 304 120 Q288 220 304 322 Q200 304 96 322 Q112 220 96 120 Z", ink.main)
    return (
        pillow
        + path("M200 170 L246 220 L200 270 L154 220 Z", ink.light)
        + path("M200 194 L224 220 L200 246 L176 220 Z", ink.shade)
    )


def bedding(ink: Ink) -> str:
    pillow = path("M92 118 Q146 104 196 118 V184 Q146 172 92 184 Z", ink.light) + path(
        "M204 118 Q254 104 308 118 V184 Q254 172 204 184 Z", ink.light
    )
    return (
        pillow
        + path("M76 196 Q200 168 324 196 V330 H76 Z", ink.main)
        + path("M76 196 Q200 168 324 196 V226 Q200 200 76 226 Z", ink.shade)
    )


def towel(ink: Ink) -> str:
    return (
        path("M124 86 H276 V330 H124 Z", ink.main)
        + path("M124 270 h152 v22 h-152 Z", ink.light)
        + path("M124 236 h152 v12 h-152 Z", ink.shade)
        + line("M90 86 H310")
    )


def curtain(ink: Ink) -> str:
    left, right = "M96 84 H196 Q190 220 118 336 H96 Z", "M304 84 H204 Q210 220 282 336 H304 Z"
    return (
        path(left, ink.main)
        + path(right, ink.main)
        + line(
            "M76 82 H324 M124 90 Q124 220 108 328 M158 90 Q156 200 126 290 M276 90 Q276 220 292 328 M242 90 Q244 200 274 290"
        )
    )


def headlamp(ink: Ink) -> str:
    band = path("M70 190 Q200 130 330 190 V232 Q200 176 70 232 Z", ink.main)
    return (
        band
        + path(
            "M152 160 h96 q12 0 12 12 v68 q0 12 -12 12 h-96 q-12 0 -12 -12 v-68 q0 -12 12 -12 Z", ink.shade
        )
        + '<circle cx="200" cy="206" r="32" fill="#fdf3c8"/>'
    )


def bottle(ink: Ink) -> str:
    return (
        path("M168 60 h64 v42 h-64 Z", "#c59d6c")
        + path(
            "M160 102 h80 q18 20 18 48 v170 q0 18 -18 18 h-80 q-18 0 -18 -18 v-170 q0 -28 18 -48 Z", ink.main
        )
        + path("M142 220 h116 v40 h-116 Z", ink.light)
    )


def tent(ink: Ink) -> str:
    return (
        path("M52 320 Q90 130 200 116 Q310 130 348 320 Z", ink.main)
        + path("M200 116 L150 320 H250 Z", ink.shade)
        + path("M200 170 L176 320 H224 Z", "#fdf3c8")
        + line("M52 320 L34 332 M348 320 L366 332")
    )


def sleeping_bag(ink: Ink) -> str:
    body = path("M132 128 Q132 70 200 70 Q268 70 268 128 L252 320 Q200 346 148 320 Z", ink.main)
    return (
        body
        + f'<ellipse cx="200" cy="132" rx="46" ry="38" fill="{ink.light}"/>'
        + line("M140 206 Q200 222 260 206 M144 252 Q200 268 256 252 M148 296 Q200 312 252 296")
    )


def dry_bag(ink: Ink) -> str:
    return (
        path("M130 130 H270 L280 320 Q200 350 120 320 Z", ink.main)
        + path("M122 96 h156 v36 h-156 Z", ink.shade)
        + line("M270 120 Q330 200 276 300 M150 190 v90")
    )


def gift_card(ink: Ink) -> str:
    card = f'<rect x="72" y="128" width="256" height="164" rx="14" fill="{ink.main}"/>'
    lantern = path(
        "M176 176 Q200 164 224 176 Q238 210 224 244 Q200 256 176 244 Q162 210 176 176 Z", ink.light
    )
    return (
        card
        + line("M72 210 H328")
        + lantern
        + line("M200 168 V150 M200 252 V270 M188 172 V248 M212 172 V248")
    )


def mask(ink: Ink) -> str:
    return path(
        "M64 200 Q90 160 200 168 Q310 160 336 200 Q330 266 270 262 Q226 258 200 228 Q174 258 130 262 Q70 266 64 200 Z",
        ink.main,
    ) + line("M110 214 q24 18 48 0 M242 214 q24 18 48 0")


def belt(ink: Ink) -> str:
    strap = f'<circle cx="200" cy="210" r="104" fill="none" stroke="{ink.main}" stroke-width="40"/>'
    return (
        strap
        + '<rect x="166" y="276" width="70" height="60" rx="10" fill="none" stroke="#c8a04a" stroke-width="9"/>'
        + line("M200 306 h44")
        + dots(((110, 280), (92, 250)), ink.line, 4)
    )


def apron(ink: Ink) -> str:
    return (
        line("M160 96 Q200 30 240 96 M128 196 L84 216 M272 196 L316 216")
        + path("M154 92 H246 L252 160 Q276 176 280 200 V336 H120 V200 Q124 176 148 160 Z", ink.main)
        + path("M152 232 h96 v60 h-96 Z", ink.light)
    )


def pyjamas(ink: Ink) -> str:
    stripes = "".join(line(f"M{x} 130 V306") for x in (150, 172, 228, 250))
    return (
        torso(ink, 314, 278)
        + stripes
        + path("M160 94 L200 150 L176 140 Z", ink.light)
        + path("M240 94 L200 150 L224 140 Z", ink.light)
        + dots(((200, 190), (200, 230), (200, 270)), ink.line, 5)
    )


def mug(ink: Ink) -> str:
    handle = f'<path d="M262 180 Q322 178 316 226 Q308 270 256 266" fill="none" stroke="{ink.shade}" stroke-width="16"/>'
    return (
        handle
        + path("M118 140 H266 L256 312 Q192 328 128 312 Z", ink.main)
        + f'<ellipse cx="192" cy="140" rx="74" ry="14" fill="{ink.light}"/>'
        + dots(((160, 220), (214, 196), (190, 270), (232, 250)), ink.shade, 5)
    )


def poles(ink: Ink) -> str:
    def pole(x: int, tilt: int) -> str:
        grip = path(f"M{x - 10} 60 h20 l-2 62 h-16 Z", "#c59d6c")
        return (
            line(f"M{x} 122 L{x + tilt} 340")
            + grip
            + line(f"M{x + tilt - 22} 318 h44")
            + f'<path d="M{x} 122 L{x + tilt // 2} 230" stroke="{ink.main}" stroke-width="13"/>'
        )

    return pole(160, -30) + pole(240, 30)
