import pytest

from mini_sentry.grouping import builtin
from mini_sentry.grouping.rules import (
    Action,
    Matcher,
    RuleSyntaxError,
    parse_fingerprint_rules,
    parse_stack_rules,
)


def test_a_stack_rule_has_matchers_and_actions() -> None:
    [rule] = parse_stack_rules('family:javascript !path:"**/my app/**" -app ^-group v+app')
    assert rule.matchers == (Matcher("family", "javascript"), Matcher("path", "**/my app/**", is_negated=True))
    assert rule.actions == (Action("app", 0), Action("group", 0, "^"), Action("app", 1, "v"))


def test_settings_are_actions() -> None:
    [rule] = parse_stack_rules("error.type:Timeout* max-frames=3 min-frames=1 category=net")
    assert rule.actions == (Action("max-frames", 3), Action("min-frames", 1), Action("category", text="net"))


def test_neighbours_stand_in_brackets() -> None:
    caller, callee = parse_stack_rules("[ function:a module:m ] | function:b -group\nfunction:b | [function:c] -group")
    assert caller.caller == (Matcher("function", "a"), Matcher("module", "m"))
    assert callee.callee == (Matcher("function", "c"),)
    assert caller.matchers == callee.matchers == (Matcher("function", "b"),)


def test_long_and_short_names_of_a_field_are_the_same() -> None:
    long, short = parse_stack_rules(
        "stack.abs_path:a stack.module:b stack.function:c stack.package:d error.type:e error.value:f -app\n"
        "path:a module:b function:c package:d type:e value:f -app"
    )
    assert long.matchers == short.matchers


def test_comments_and_blank_lines_are_skipped() -> None:
    assert parse_stack_rules("\n# nothing\n   \n  # more\n") == ()


def test_a_fingerprint_rule_has_parts_and_maybe_a_title() -> None:
    [rule] = parse_fingerprint_rules(
        'error.type:DbError tags.shard:"eu *" -> db-{{ tags.shard }}, "{{ default }}" title="DB: {{ error.value }}"'
    )
    assert rule.matchers == (Matcher("error.type", "DbError"), Matcher("tags", "eu *", key="shard"))
    assert rule.fingerprint == ("db-{{ tags.shard }}", "{{ default }}")
    assert rule.title == "DB: {{ error.value }}"


def test_quotes_and_backslashes_are_escaped_inside_quotes() -> None:
    [rule] = parse_fingerprint_rules(r'message:"say \"hi\" C:\\temp" -> a')
    assert rule.matchers == (Matcher("message", 'say "hi" C:\\temp'),)


@pytest.mark.parametrize(
    ("text", "line", "column", "reason"),
    [
        ("path:a", 1, 7, "Expected an action"),
        ("\n\n  paht:a -app", 3, 3, "There is no matcher 'paht'"),
        ("path:a !colour:red -app", 1, 9, "There is no matcher 'colour'"),
        ("path: -app", 1, 6, "A matcher needs a value"),
        ('path:"a -app', 1, 6, "never closed"),
        ("path:a -apple", 1, 8, "Expected an action"),
        ("path:a max-frames=many", 1, 8, "max-frames needs a number"),
        ("app:maybe -group", 1, 5, "takes yes or no"),
        ("-app", 1, 1, "Expected a matcher"),
        ("[ function:a | function:b -app", 1, 2, "Expected ]"),
        ("[ function:a ] function:b -app", 1, 16, "Expected |"),
        ("[ ] | function:b -app", 1, 2, "Expected a matcher between"),
        ("tags.x:y -app", 1, 1, "There is no matcher 'tags.x'"),
    ],
)
def test_a_stack_rule_that_cannot_be_read_says_where(text: str, line: int, column: int, reason: str) -> None:
    with pytest.raises(RuleSyntaxError, match=f"line {line}, column {column}: ") as caught:
        parse_stack_rules(text)
    assert reason in caught.value.reason
    assert (caught.value.line, caught.value.column) == (line, column)


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("message:a", 10),
        ("message:a ->", 13),
        ("message:a -> b,", 16),
        ("message:a -> title=b", 14),
        ('message:a -> "b" c', 18),
        ("category:x -> a", 1),
    ],
)
def test_a_fingerprint_rule_that_cannot_be_read_says_where(text: str, column: int) -> None:
    with pytest.raises(RuleSyntaxError) as caught:
        parse_fingerprint_rules("# first\n" + text)
    assert (caught.value.line, caught.value.column) == (2, column)


def test_too_many_or_too_long_rules_are_refused() -> None:
    with pytest.raises(RuleSyntaxError, match="1000 rules"):
        parse_stack_rules("path:a -app\n" * 1001)
    with pytest.raises(RuleSyntaxError, match="2000 characters"):
        parse_stack_rules(f"path:{'a' * 2000} -app")


def test_the_built_in_rules_can_be_read() -> None:
    assert len(parse_stack_rules(builtin.STACK_RULES)) > 100
    assert parse_fingerprint_rules(builtin.FINGERPRINT_RULES)
