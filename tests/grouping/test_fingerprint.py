import pytest

from mini_sentry.grouping.configs import config
from mini_sentry.grouping.group import Grouping, group
from mini_sentry.protocol.event import Event
from tests.grouping.factory import make_error, make_event, make_frame

PLAIN = config()


def grouped(event: Event, rules: str = "") -> Grouping:
    return group(event, config=config(fingerprint_rules=rules))


def failed(*parts: str, **fields: object) -> Event:
    """An error with in-app and system frames; `parts` are the client's fingerprint."""
    frames = [make_frame(name, in_app=False) for name in ("run", "step", "call")] + [make_frame("pay")]
    return make_event(
        **{"exceptions": [make_error("DbError", "shard 7 is away", frames)], "fingerprint": [*parts], **fields}
    )


def resolved(part: str, **fields: object) -> str:
    """What a part stands for, seen through a title."""
    return grouped(failed(**fields), f'error.type:DbError -> x title="{part}"').title


@pytest.mark.parametrize("parts", [[], ["{{ default }}"], ["{{default}}"], [" {{  default }} "]])
def test_the_default_alone_is_automatic_grouping(parts: list[str]) -> None:
    assert grouped(failed(*parts)) == grouped(failed())


def test_a_fingerprint_without_default_ignores_the_stack() -> None:
    found = grouped(failed("database"))
    assert [one.variant for one in found.hashes] == ["custom"]
    assert found.hashes == grouped(make_event(message="quite another", fingerprint=["database"])).hashes
    assert found.hashes != grouped(failed("cache")).hashes


def test_parts_are_not_run_together() -> None:
    assert grouped(failed("a", "b")).hashes != grouped(failed("ab")).hashes
    assert grouped(failed("a", "")).hashes != grouped(failed("a")).hashes


def test_default_and_more_salts_each_automatic_hash() -> None:
    acme, other = grouped(failed("{{ default }}", "acme")), grouped(failed("{{ default }}", "other"))
    assert [one.variant for one in acme.hashes] == ["hybrid-app", "hybrid-system"]
    every = [one.hash for found in (acme, other, grouped(failed())) for one in found.hashes]
    assert len(set(every)) == 6
    assert acme.hashes == grouped(failed("{{default}}", "acme")).hashes


@pytest.mark.parametrize(
    ("part", "text"),
    [
        ("{{ transaction }}", "/pay"),
        ("{{ message }}", "shard 7 is away"),
        ("{{ error.type }} {{ type }}", "DbError DbError"),
        ("{{error.value}}/{{ value }}", "shard 7 is away/shard 7 is away"),
        ("{{ function }} {{ stack.function }}", "pay pay"),
        ("{{ path }}", "shop.py"),
        ("{{ stack.filename }} {{ module }}", "shop.py shop"),
        ("{{ level }} {{ logger }} {{ release }}", "error jobs shop@1"),
        ("db-{{ tags.shard }}", "db-7"),
        ("{{ package }}", "<no-package>"),
        ("{{ tags.colour }}", "<no-tags.colour>"),
        ("{{ weather }}", "<unrecognized-variable-weather>"),
        ("{{ }} {x} {{", "{{ }} {x} {{"),
    ],
)
def test_variables_are_filled_in(part: str, text: str) -> None:
    fields = {"transaction": "/pay", "logger": "jobs", "release": "shop@1", "tags": {"shard": "7"}}
    assert resolved(part, **fields) == text


def test_what_is_missing_says_so() -> None:
    assert resolved("{{ transaction }} {{ logger }} {{ release }}") == "<no-transaction> <no-logger> <no-release>"


def test_variables_in_a_clients_fingerprint_are_filled_in() -> None:
    def sent(shard: str) -> Grouping:
        return grouped(failed("db-{{ tags.shard }}", tags={"shard": shard}))

    assert sent("1").hashes != sent("2").hashes
    assert sent("1").hashes == grouped(failed("db-1")).hashes


def test_a_rule_replaces_what_the_client_sent() -> None:
    assert grouped(failed("theirs"), "error.type:Db* -> ours").hashes == grouped(failed("ours")).hashes


def test_the_first_rule_that_matches_wins() -> None:
    rules = "error.type:Other -> zero\nerror.type:DbError -> one\nerror.type:* -> two"
    assert grouped(failed(), rules).hashes == grouped(failed("one")).hashes


def test_a_rule_may_refine_and_may_give_a_title() -> None:
    found = grouped(failed(), 'type:DbError -> {{ default }}, {{ value }} title="{{ type }}: {{ value }}!"')
    assert [one.variant for one in found.hashes] == ["hybrid-app", "hybrid-system"]
    assert found.title == "DbError: shard 7 is away!"


@pytest.mark.parametrize(
    ("matchers", "matches"),
    [
        ("message:*shard*", True),
        ("message:shard", False),
        ("level:error logger:jobs", True),
        ("!level:error", False),
        ("tags.region:eu-*", True),
        ("tags.other:*", False),
        ("!tags.other:*", True),
        ("release:shop@*", True),
        ("sdk:sentry.python*", True),
        ("family:python", True),
        ("family:javascript", False),
        ("stack.function:pay app:yes", True),
        ("stack.function:pay app:no", False),
        ("stack.function:run app:no", True),
        ("stack.module:shop path:shop.py", True),
        ("!stack.module:shop", False),
        ("error.type:DbError error.value:*away", True),
        ("error.type:DbError error.value:*here", False),
    ],
)
def test_all_matchers_of_a_rule_must_hold(matchers: str, matches: bool) -> None:
    event = failed(
        logger="jobs", tags={"region": "eu-1"}, release="shop@1", sdk_name="sentry.python.django", fingerprint=[]
    )
    assert (grouped(event, f"{matchers} -> caught").strategy == "fingerprint") is matches


def test_type_and_value_must_hold_on_the_same_error_and_frame_fields_on_the_same_frame() -> None:
    event = make_event(
        exceptions=[make_error("A", "1", [make_frame("f", module="m")]), make_error("B", "2", [make_frame("g")])]
    )
    assert grouped(event, "type:A value:2 -> x").strategy == "exception"
    assert grouped(event, "type:A value:1 -> x").strategy == "fingerprint"
    assert grouped(event, "function:f module:shop -> x").strategy == "exception"
    assert grouped(event, "function:g module:shop -> x").strategy == "fingerprint"


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        ("ChunkLoadError", "Loading chunk 17 failed. (error: https://x.com/17.js)"),
        ("Error", "Loading chunk 4 failed."),
        ("TypeError", "Failed to fetch dynamically imported module: https://x.com/a.js"),
    ],
)
def test_a_bundle_that_could_not_be_loaded_is_one_group(type_: str, value: str) -> None:
    event = make_event(platform="javascript", exceptions=[make_error(type_, value)])
    first = make_event(platform="javascript", exceptions=[make_error("ChunkLoadError", "x")])
    assert grouped(event).hashes == grouped(first).hashes


def test_hydration_errors_are_one_group() -> None:
    values = [
        "Hydration failed because the initial UI does not match",
        "Minified React error #418; visit https://react.dev",
    ]
    events = [make_event(platform="javascript", exceptions=[make_error("Error", value)]) for value in values]
    assert grouped(events[0]).hashes == grouped(events[1]).hashes


def test_what_the_client_says_is_stronger_than_a_built_in_rule() -> None:
    event = make_event(platform="javascript", exceptions=[make_error("ChunkLoadError", "x")], fingerprint=["mine"])
    assert grouped(event).hashes == grouped(failed("mine")).hashes


def test_a_checksum_is_the_hash() -> None:
    checksum = "0123456789ABCDEF0123456789abcdef"
    [found] = grouped(failed("mine", checksum=checksum), "error.type:* -> ours").hashes
    assert (found.hash, found.variant) == (checksum.lower(), "checksum")
    [other] = grouped(failed(checksum="any text")).hashes
    assert len(other.hash) == 32
    assert other.hash != grouped(failed(checksum="other text")).hashes[0].hash
