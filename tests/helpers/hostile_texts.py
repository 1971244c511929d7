"""Texts that mean something to what shows them: a browser, a terminal, a spreadsheet, Markdown, matplotlib."""

from dataclasses import replace

from fixlip import Comparison, Player
from fixlip.results.contrast import Contrast
from fixlip.results.gallery import Gallery
from tests.helpers.pictures import hits
from tests.helpers.saved import full

BROWSER = (
    "<img src=x onerror=pwned=1>",
    "</script><script>pwned=1</script>",
    "<svg onload=pwned=1>",
    "<!--",
    "]]>",
    '"><script>pwned=1</script>',
    "' onmouseover='pwned=1",
    "javascript:pwned=1",
    "&lt;b&gt; &amp; &#60;",
    "\u2028pwned=1//\u2029",
    "${pwned=1} {{7*7}} {% raw %}",
    "<base href=http://example.invalid>",
    "<link rel=stylesheet href=http://example.invalid>",
    "url(http://example.invalid)",
    "-->",
)
MARKDOWN = (
    "[x](javascript:pwned=1)",
    "![x](http://example.invalid/x.png)",
    "<http://example.invalid>",
    "http://example.invalid",
    "`a` *b* _c_ # d | e",
    "# heading",
    "\\",
)
SHEET = ("=cmd|' /C calc'!A0", "@SUM(A1)", "+1", "-1", '",=1')
MATHEMATICS = ("$\\frac{", "$", "$x$", "\\$x$", "\\\\$x$", "$$", "^_{}", "\\mathrm{")
MARKUP = ("[bold]x[/bold]", "[/]", "[/bold]", "[link=http://example.invalid]x[/link]", ":smile:", "[", "\\[")
TERMINAL = (
    "\x1b[31mred\x1b[0m",
    "\x1b]0;title\x07",
    "\x1b[2J\x1b[H",
    "\x9b31m",
    "a\rb",
    "a\nb",
    "a\tb",
    "a\x00b",
    "a\x7fb\x08",
    "\u202egnp.exe",
    "\u2066x\u2069",
)
ODD = ("\ud800", "🐕‍🦺", "e" + "\u0301" * 30, "", " ", "\u200b", "x" * 3000, "شجرة")
TEXTS = (*BROWSER, *MARKDOWN, *SHEET, *MATHEMATICS, *MARKUP, *TERMINAL, *ODD)


def poisoned(text, k=0):
    """An explanation in which every text is that one."""
    found = full()
    caption = f"{text} dog"
    words = (Player("text", text, span=(0, len(text))), Player("text", "dog", span=(len(text) + 1, len(caption))))
    players = replace(
        found.players,
        caption=caption,
        text=(*words, Player("text", text * 2, span=None)),
        image=tuple(replace(p, label=text) for p in found.players.image),
    )
    provenance = replace(
        found.provenance,
        **dict.fromkeys(("model", "weights", "removal", "estimator", "status"), text),
        options={text: text, "list": [text]},
        details={text: 1.0},
        versions={text: text},
    )
    return replace(found, players=players, index=text, provenance=provenance, baseline=found.baseline + k)


def kinds(text):
    """All kinds of results with that text."""
    one, other = poisoned(text), poisoned(text, 1)
    return {
        "explanation": one,
        "comparison": Comparison((one, other), (text, f"{text}2")),
        "contrast": Contrast(one, other),
        "gallery": Gallery((one, other), (text, text), text),
        "hits": hits(
            2,
            text.replace("{", "(").replace("}", ")"),
            words=[text, "dog", text, "bus"],
            caption=f"{text} dog {text} bus",
        ),
    }
