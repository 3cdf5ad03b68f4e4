"""Message text with its variable parts named: `row 12345 not found` becomes `row <int> not found`.

One alternated expression does it: leftmost match, and at the same place the earlier kind. Every repetition is bounded
and the input is cut, so that no text takes long. Words, digits and boundaries are ASCII: a number between CJK
characters counts as one.
"""

import re

INPUT_CHARACTERS = 8192
KEPT_LINES = 2

# Top-level domains that are common in host names and rare as attribute, method or file endings
# (`user.id`, `arr.at`, `com.example.app`, `script.pl` are no hosts).
_TLDS = (
    "ae ai ar arpa asia au bg biz br by ca ch ci cl cloud club cn co com coop cr cy cz de dk ec edu ee es eu fi fr gov "
    "gr hk hr hu ie il inc internal io ir jobs jp ke kr kz lan lb lk local lt lu lv ma mil museum mx net ng nl nz "
    "online org pe ph pk pt qa ro ru sa sg shop sk su th tn tr tv tw ua uk us uy uz ve vn xyz za"
)


def _by_first_letter(words: list[str]) -> str:
    heads: dict[str, list[str]] = {}
    for word in words:
        heads.setdefault(word[0], []).append(word[1:])
    return "|".join(f"{head}(?:{'|'.join(tails)})" for head, tails in heads.items())


_TLD = f"(?:{_by_first_letter([*_TLDS.split(), *_TLDS.upper().split()])})"
_DAY = "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]{0,6}"
_MONTH = "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]{0,6}"
_CLOCK = r"\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?"
_ZONE = r"(?:[ ]?(?:Z|UTC|GMT|[ECMP][SD]T)\b(?:[+-]\d{4})?|[ ]?[+-]\d{2}:?\d{2}\b)"
_GROUP = "[0-9A-Fa-f]{1,4}"
_V4 = r"\d{1,3}(?:\.\d{1,3}){3}(?!\w|\.\d)"

# What each kind matches, in order of preference. `keep` is left as it is: it looks variable but tells problems apart.
_KINDS = {
    "keep": [
        r"(?i:http(?:/\d(?:\.\d)?)?|status(?:[ _-]?code)?|code)[ ]?[:=]?[ ]?\d{3}(?!\w|\.\d)",
        r"[A-Za-z][A-Za-z_]{0,62}+\d{1,9}(?:\.\d{1,9}){1,8}(?!\w)",
    ],
    "email": [r"[A-Za-z0-9._%+-]{1,64}+@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}"],
    "url": [r"(?:https?|wss?|ftp)://[^\s\"'<>]{1,2048}+"],
    "hostname": [rf"[A-Za-z0-9-]{{1,63}}+\.(?:[A-Za-z0-9-]{{1,63}}+\.){{0,8}}{_TLD}(?![\w-]|\.\w)"],
    "ip": [
        _V4,
        rf"{_GROUP}(?::{_GROUP}){{7}}(?![\w:])",
        rf"::(?:[Ff]{{4}}:)?{_V4}",
        # Compressed. Without a digit it is the `dead::beef` of a C++ name.
        rf"(?=[A-Fa-f:]{{0,39}}+\d)(?:{_GROUP}(?::{_GROUP}){{0,6}})?::(?:{_GROUP}(?::{_GROUP}){{0,6}})?(?![\w:])",
    ],
    "traceparent": [r"00-[0-9a-f]{32}-[0-9a-f]{16}-0[01](?!\w)", r"1-[0-9a-f]{8}-[0-9a-f]{24}(?!\w)"],
    "uuid": [r"[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}(?!\w)"],
    "sha1": [r"(?=\d{0,40}+[A-Fa-f])[0-9A-Fa-f]{40}(?!\w)"],
    "md5": [r"(?=\d{0,32}+[A-Fa-f])[0-9A-Fa-f]{32}(?!\w)"],
    "date": [
        rf"\d{{4}}-\d{{2}}-\d{{2}}(?:[T ]{_CLOCK}{_ZONE}?)?(?!\w)",
        r"\d{8}T\d{6}(?:\.\d{1,9})?Z?(?!\w)",
        rf"(?:{_DAY},?[ ])?\d{{1,2}}[ -]{_MONTH}[ -](?:\d{{4}}|\d{{2}})(?:[ ]{_CLOCK}{_ZONE}?)?(?!\w)",
        rf"{_DAY},?[ ]{_MONTH}[ ]{{1,2}}\d{{1,2}}[ ](?:{_CLOCK}{_ZONE}?[ ]\d{{4}}|\d{{4}}(?:[ ]{_CLOCK}{_ZONE}?(?:[ ]\([^()]{{1,64}}\))?)?)(?!\w)",
        rf"{_MONTH}[ ]{{1,2}}\d{{1,2}},?[ ](?:\d{{4}}(?:,?[ ]{_CLOCK})?|{_CLOCK})(?!\w)",
        rf"{_CLOCK}[ ]?[AaPp]\.?[Mm]\b",
        r"datetime\.(?:datetime|date|time)\([^()]{1,128}(?:\([^()]{0,64}\)[^()]{0,64})?\)",
    ],
    "duration": [r"[+-]?(?:\d{1,20}(?:\.\d{1,20})?(?:ns|us|µs|ms|s|m|h)){1,4}(?!\w|\.\d)"],
    "swift_txn_id": [r"tx[0-9A-Fa-f]{21}-[0-9A-Fa-f]{10}[\w-]{0,64}"],
    "hex": [
        r"0[xX][0-9A-Fa-f]{1,128}+(?!\w)",
        r"(?=[a-f]{0,128}+\d)(?=\d{0,128}+[a-f])[0-9a-f]{8,128}(?!\w)",
        r"(?=[A-F]{0,128}+\d)(?=\d{0,128}+[A-F])[0-9A-F]{8,128}(?!\w)",
    ],
    "git_sha": [r"(?=[a-f]{0,7}+\d)(?=\d{0,7}+[a-f])[0-9a-f]{7}(?!\w)"],
    "float": [r"[+-]?\d{1,4096}+(?:(?:\.\d{1,4096}+){1,8}(?:[eE][+-]?\d{1,4})?|[eE][+-]?\d{1,4})(?!\w)"],
    "int": [r"[+-]?\d{1,4096}+(?!\w)"],  # at any length: a growing id must not change its kind
    "quoted_str": [r"'(?<==')[^'\n]{0,1024}+'", r'"(?<==")[^"\n]{0,1024}+"'],
    "bool": [r"(?:(?<==)[Tt]rue|(?<==)[Ff]alse)(?!\w)"],
}

# Only words are entered at their start. The second half is for ids like `user_123456`.
_ANY_KIND = "|".join(f"(?P<{kind}>{'|'.join(forms)})" for kind, forms in _KINDS.items())
_VARIABLE = re.compile(
    rf"(?<!\w)(?:{_ANY_KIND})"
    r"|(?<=[A-Za-z]_)(?P<id>\d{4,4096}+)(?!\w)",
    re.ASCII,
)
# Nothing can match without one of these.
_CANDIDATE = re.compile(r"[0-9@=]|://|\.[A-Za-z]{2}", re.ASCII)


def _name(match: re.Match[str]) -> str:
    kind = match.lastgroup
    if kind == "keep":
        return match.group()
    return "<int>" if kind == "id" else f"<{kind}>"


def parameterise(text: str) -> str:
    """Replace each variable part by its kind in angle brackets. Only the first 8192 characters are read."""
    text = text[:INPUT_CHARACTERS]
    if _CANDIDATE.search(text) is None:
        return text
    return _VARIABLE.sub(_name, text)


def pattern_of(text: str) -> str:
    """What a message, or an exception's value, has in common with others of its group.

    The first two lines that are not blank (with `...` when there are more), parameterised; empty when all are blank.
    """
    text = text[:INPUT_CHARACTERS].strip()
    if "\n" in text or "\r" in text:
        lines = [line for line in text.splitlines() if line.strip()]
        text = "\n".join(lines[:KEPT_LINES])
        if len(lines) > KEPT_LINES:
            text += "..."
    return parameterise(text)
