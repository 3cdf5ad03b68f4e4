import pytest
from hypothesis import given
from hypothesis import strategies as st

from mini_sentry.groups.search import All, Either, Node, Not, SearchInvalid, Term, Word, parse


def shown(node: Node) -> str:
    """The tree in a form that is easy to compare."""
    match node:
        case Term():
            values = ",".join(f"~{value.text}" if value.is_pattern else value.text for value in node.values)
            return f"{'#' if node.is_tag else ''}{node.key}={values}"
        case Word(value):
            return f"~{value.text}" if value.is_pattern else value.text
        case Not(part):
            return f"!{shown(part)}"
        case All(parts):
            return f"[{' '.join(shown(part) for part in parts)}]"
        case Either(parts):
            return f"({' | '.join(shown(part) for part in parts)})"


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("", "[]"),
        ("   ", "[]"),
        ("is:unresolved", "[is=unresolved]"),
        ("is:unresolved level:error,fatal", "[is=unresolved level=error,fatal]"),
        ("IS:open Environment:prod", "[is=open env=prod]"),
        ("!env:staging", "[!env=staging]"),
        ("release:4.8.*", "[release=~4.8.*]"),
        ('release:"4.8.*"', "[release=4.8.*]"),
        ("events:>100", "[events=>100]"),
        ("age:-24h seen:+7d", "[age=-24h seen=+7d]"),
        ("browser:Firefox", "[#browser=Firefox]"),
        ("page:checkout", "[#page=checkout]"),
        ("a:b", "[#a=b]"),
        ("user.segment:beta", "[#user.segment=beta]"),
        ("tags[level]:x", "[#level=x]"),
        ("tags[a:b]:x", "[#a:b=x]"),
        ('"out of memory"', "[out of memory]"),
        ('"say \\"hi\\""', '[say "hi"]'),
        ("Time*out", "[~Time*out]"),
        ("(a OR b)", "[(a | b)]"),
        ("a OR b", "[(a | b)]"),
        ("x (a OR b c) !(d OR e)", "[x (a | [b c]) !(d | e)]"),
        ("ORDER order", "[ORDER order]"),
        ("ValueError: broken", "[ValueError: broken]"),
        ("http://shop.test/cart?a=1", "[http://shop.test/cart?a=1]"),
        ("std::bad_alloc", "[std::bad_alloc]"),
        ("C:\\temp", "[C:\\temp]"),
        ("12:30", "[12:30]"),
        ("a,b", "[a,b]"),
        ('level:"error",fatal', "[level=error,fatal]"),
        ("ключ значение", "[ключ значение]"),
    ],
)
def test_a_text_is_read_as_a_tree(text: str, tree: str) -> None:
    assert shown(parse(text)) == tree


@pytest.mark.parametrize(
    ("text", "word", "position", "nearest"),
    [
        ("is:open enviroment:prod", "enviroment:prod", 8, "environment:"),
        ("levle:error", "levle:error", 0, "level:"),
        ("relase:1", "relase:1", 0, "release:"),
        ("event:5", "event:5", 0, "events:"),
        ("level:", "level:", 0, ""),
        ("level: error", "level:", 0, ""),
        ("level:error,", "level:error,", 0, ""),
        ("a (b", "(", 2, ""),
        ("a b)", ")", 3, ""),
        ("a ()", "(", 2, ""),
        ("a OR", "OR", 2, ""),
        ("OR a", "OR", 0, ""),
        ("a !", "!", 2, ""),
        ("! a", "!", 0, ""),
        ('say "hi', '"hi', 4, ""),
        ("(" * 11 + "a" + ")" * 11, "(", 10, ""),
        ("a" * 1025, "a" * 20, 1024, ""),
    ],
)
def test_what_cannot_be_read_names_the_word_its_place_and_the_nearest_key(
    text: str, word: str, position: int, nearest: str
) -> None:
    with pytest.raises(SearchInvalid) as refusal:
        parse(text)
    assert (refusal.value.word, refusal.value.position, refusal.value.nearest) == (word, position, nearest)
    assert f"at character {position + 1}" in str(refusal.value)


def test_a_search_has_a_most_of_parts() -> None:
    parse("a " * 40)
    with pytest.raises(SearchInvalid, match="40 parts"):
        parse("a " * 41)


@given(st.text(alphabet='ab!():",*OR \\:[]<>.', max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        parse(text)
    except SearchInvalid as refusal:
        assert 0 <= refusal.position <= len(text)  # noqa: PT017
