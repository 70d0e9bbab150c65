"""What every page shares: one file without anything to load, light and dark, readable on paper; all text escaped."""

import html
import re

from optcourse import __version__
from optcourse.grading.exports.files import MARK

STYLE = """
:root { color-scheme: light dark; --text: #1f2328; --soft: #57606a; --page: #ffffff; --card: #f6f8fa; --line: #d0d7de;
  --good: #1a7f37; --bad: #b3261e; --warn: #8a5300; --info: #0550ae; }
@media (prefers-color-scheme: dark) { :root { --text: #e6edf3; --soft: #9da7b1; --page: #0d1117; --card: #161b22;
  --line: #30363d; --good: #57ab5a; --bad: #f47067; --warn: #daaa3f; --info: #6cb6ff; } }
* { box-sizing: border-box }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--text); background: var(--page); margin: 0 auto;
  max-width: 60rem; padding: 1.5rem 1rem 3rem }
h1 { font-size: 1.6rem; margin: 0 0 .2rem } h2 { font-size: 1.3rem; margin: 2rem 0 .6rem }
h3 { font-size: 1.05rem; margin: 1.6rem 0 .3rem } .card h3 { font-size: 1rem; margin: 0 }
p { margin: .5em 0 } .soft { color: var(--soft) } .small { font-size: .875rem }
code, pre, .number { font-family: ui-monospace, monospace; font-size: .92em }
code { background: color-mix(in srgb, var(--soft) 16%, transparent); border-radius: 3px; padding: 0 .25em }
pre { white-space: pre-wrap; overflow-wrap: anywhere; margin: .3em 0; padding: .6em; background: var(--page);
  border: 1px solid var(--line); border-radius: 4px; max-height: 20em; overflow: auto }
.wide { overflow-x: auto }
table { border-collapse: collapse; width: 100% } td, th { text-align: left; padding: .3rem .7rem .3rem 0;
  border-bottom: 1px solid var(--line); vertical-align: top; overflow-wrap: anywhere; min-width: 7rem }
th { font-weight: 600 } td .bar { margin-top: .45rem }
td.right, th.right { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; min-width: 0 }
table.narrow, table.pair { width: auto } table.pair th { min-width: 0 }
table.pair td, table.pair th { border: 0; padding-bottom: 0; font-weight: 400 }
.card { background: var(--card); border: 1px solid var(--line); border-left: .4rem solid var(--edge, var(--line));
  border-radius: 6px; padding: .8rem 1rem; margin: .8rem 0; break-inside: avoid }
.head { display: flex; flex-wrap: wrap; gap: .2rem .8rem; align-items: baseline } .head .end { margin-left: auto }
.badge { color: var(--edge); font-weight: 700; white-space: nowrap }
.good { --edge: var(--good) } .bad { --edge: var(--bad) } .warn { --edge: var(--warn) } .info { --edge: var(--info) }
.none { --edge: var(--soft) } .end { font-weight: 700; white-space: nowrap }
.bar { height: .6rem; background: var(--line); border-radius: .3rem; overflow: hidden; min-width: 4rem }
.bar div { height: 100%; background: var(--info) }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(8rem, 1fr)); gap: .8rem; margin: 1rem 0 }
.tile { background: var(--card); border: 1px solid var(--line); border-radius: 6px; padding: .6rem .9rem }
.tile b { display: block; font-size: 1.5rem; line-height: 1.3 }
img { max-width: 100%; height: auto; display: block; margin-top: 1rem }
ul { margin: .4em 0; padding-left: 1.3em } footer { margin-top: 2.5rem }
@media print { body { max-width: none; padding: 0 } pre { max-height: none } details { display: block } }
"""


def page(title: str, body: str) -> str:
    """A whole HTML page. Nothing in it can load or run anything, whatever a submission brought into it."""
    policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta name="generator" content="{MARK}">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{text(title)}</title>\n'
        f"<style>{STYLE}</style></head>\n<body>\n{body}\n"
        f'<footer class="soft small">Graded by optcourse {text(__version__)}.</footer></body></html>\n'
    )


def text(value: object) -> str:
    """Escaped, for elements and attributes alike; signs that no page may hold become visible."""
    shown = re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", "\ufffd", str(value))
    return html.escape(shown)


def rich(value: object) -> str:
    """`text` with `code` between backquotes and line breaks, as cards write."""
    marked = re.sub(r"`([^`\n]+)`", r"<code>\1</code>", text(value))
    return marked.replace("\n", "<br>")


def bar(share: float, label: str) -> str:
    """A bar filled to a share from 0 to 1; `label` says it to those who do not see it."""
    width = 100 * min(max(share, 0.0), 1.0)
    return f'<div class="bar" role="img" aria-label="{text(label)}"><div style="width:{width:.1f}%"></div></div>'
