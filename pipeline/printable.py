"""Printable: texts of data as a terminal or a page can show them, whatever characters they have."""

import re

# What moves the cursor, changes colours or rings (C0, C1), breaks lines (U+2028, U+2029), turns the direction of what
# follows (U+202A to U+202E, U+2066 to U+2069), or is no character at all (lone surrogates). Marks that belong to words
# stay: joiners of Persian and of emoji, marks of a single letter's direction.
CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff]")
# What a spreadsheet takes the rest of a cell for a formula after: OWASP, "CSV Injection".
FORMULAS = ("=", "+", "-", "@", "\t", "\r")
NAMED = {"\n": r"\n", "\t": r"\t", "\r": r"\r"}


def show_controls(text: str, keep: str = "") -> str:
    r"""Return a text with its control characters as Python writes them: an escape is \x1b, an override \u202e.

    So no ANSI sequence is obeyed, and nothing is shown in another order than it is read. keep: those that stay, such as
    "\n" where lines may be broken. What has none of them is returned as it is.
    """
    return CONTROLS.sub(lambda match: match[0] if match[0] in keep else _escape(match[0]), text)


def quote_cell(value: object) -> object:
    """Return what stands in a cell of CSV that may be opened in a spreadsheet: a text is never a formula there.

    One that begins as a formula has an apostrophe before it, and control characters are shown. Numbers stay numbers.
    """
    if not isinstance(value, str):
        return value
    return f"'{show_controls(value)}" if value.lstrip(" ").startswith(FORMULAS) else show_controls(value)


def _escape(character: str) -> str:
    code = ord(character)
    return NAMED.get(character) or (f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}")
