"""How a text becomes words: by spaces and signs, and character by character where a language has no spaces."""

from __future__ import annotations

import re

# What `ngram_chars = cont` names, as far as it matters here: kana, bopomofo, hangul, han, Thai, Lao, Khmer, Burmese.
_CONTINUOUS = (
    "\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u3040-\u30ff\u3100-\u318f\u31a0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U000323af"
)
# Combining marks that `charset_table = non_cont` has as letters: of Bengali, Arabic vowel signs, Limbu. All others
# divide words.
_MARKS = (
    "\u0981-\u0983\u09bc\u09be-\u09c4\u09c7\u09c8\u09cb-\u09cd\u09d7\u09e2\u09e3\u064b-\u0655\u0670"
    "\u1920-\u192b\u1930-\u193b"
)
_LETTERS = rf"(?:[^\W{_CONTINUOUS}]|[{_MARKS}])+"
_EITHER = re.compile(rf"[{_CONTINUOUS}]|{_LETTERS}")
_SPACED = re.compile(_LETTERS)


def tokens(text: str, options: dict[str, str]) -> list[str]:
    """The words of a text under a table's options. Without `ngram_len` a Chinese text has none at all."""
    has_ngrams = options.get("ngram_len") == "1" and bool(options.get("ngram_chars"))
    return (_EITHER if has_ngrams else _SPACED).findall(text.lower())
