"""Flaws: what a text has that nobody meant to write, as files have it that were converted or cut wrongly."""

import re
from collections.abc import Iterator

# Not <br />, which reviews are known for and tokenizers take for a space; nor a single <word>.
MARKUP = re.compile(
    r"</[a-zA-Z]+\s*>|<[a-zA-Z]+\s[^<>]*=|<(?:p|div|span|b|i|u|em|strong|li|ul|td|tr)>|&(?:#\d+|[a-z]{2,6});"
)
# UTF-8 that was read as Windows-1252 or Latin-1: two or three bytes of one letter are as many letters.
MOJIBAKE = re.compile(r"[ÂÃÄÅÐÑ][\u0080-\u00bf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]|â€[\u0080-\u00bf™œ“”˜¢¦]|ï»¿")
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x9f]")
LETTER = re.compile(r"\w")
# Characters, far beyond any review or sentence.
LONGEST = 100_000


def find_flaws(text: str) -> Iterator[str]:
    """Yield what is odd about a text: no letter, markup, damaged characters, an extreme length."""
    if not LETTER.search(text):
        yield "no letter and no digit" if text.strip() else "nothing in them"
    if len(text) > LONGEST:
        yield f"more than {LONGEST:,} characters"
    if ("<" in text or "&" in text) and MARKUP.search(text):
        yield "HTML markup"
    if "\ufffd" in text:
        yield "replacement characters, U+FFFD, for letters that were lost"
    if not text.isascii() and MOJIBAKE.search(text):
        yield "mojibake such as 'Ã©', of another encoding (see --encoding)"
    if not text.isprintable() and CONTROL.search(text):
        yield "control characters"
