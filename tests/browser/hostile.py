"""Texts that try to become more than text; each sets `hacked` or opens a dialog if a page lets it."""

HOSTILE = [
    "<script>hacked=1</script>",
    '<img src=x onerror="hacked=1">',
    "<svg onload=hacked=1>",
    "<svg><script>alert(1)</script></svg>",
    '"><iframe srcdoc="<script>parent.hacked=1</script>">',
    "javascript:hacked=1",
    "[click](javascript:hacked=1)",
    "[click](java\u0000script:alert(1))",
    "{{constructor.constructor('hacked=1')()}} ${hacked=1} #{7*7} <%= 7*7 %>",
    "</textarea></style></title><body onload=alert(1)>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=alert(1)&gt;'>",
    'https://shop.example@evil.example/ http://%00evil https://a.example/"onmouseover="hacked=1',
    "data:text/html,<script>alert(1)</script>",
    "<a href='javascript:alert(1)'>x</a><details open ontoggle=hacked=1>",
    "\u202ereversed\u202c \u200bzero\u200b width \ufeff bom \u0007 bell",
    "<form action=javascript:alert(1)><input autofocus onfocus=alert(1)></form>",
    "<style>*{display:none}</style><link rel=stylesheet href=//evil.example/x.css>",
    "<base href=//evil.example/><object data=javascript:alert(1)>",
    "&lt;script&gt;alert(1)&lt;/script&gt; &amp; &#60;b&#62;",
    "Ω≈ç√∫ 田中さん 🏮👩‍👩‍👧 ̡͓̞ͅI̗̘̦ zalgo ﷽",
]
