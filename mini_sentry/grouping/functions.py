"""Function names without the parts that change from build to build or from run to run."""

import re

from .platforms import DOTNET, JAVA, JAVASCRIPT, NATIVE

_UNKNOWN = frozenset({"", "?", "<anonymous>", "<anonymous function>", "Anonymous function"})
_UNKNOWN_NATIVE = frozenset({"<redacted>", "<unknown>", "<compiler-generated>"})

_JAVASCRIPT_PREFIX = re.compile(r"^(?:(?:async|new|get|set|static)[ ]|\*)+")
_JAVASCRIPT_ALIAS = re.compile(r"[ ]\[as [^\[\]]{1,256}\]$")
_RUBY_BLOCK = re.compile(r"^(?:block|rescue|ensure)\b.* in ")
_ERB = re.compile(r"__\d+_\d+$")
_PHP_ANONYMOUS = re.compile(r"(class@anonymous)(?:\0|[:/\\]|[A-Za-z]:\\).*?(?=::|$)", re.DOTALL)
_RUST_HASH = re.compile(r"::h[0-9a-f]{16}$")
_ANONYMOUS_NAMESPACE = re.compile(r"\(anonymous namespace\)|\{anonymous\}|`anonymous(?: |-)namespace'|_GLOBAL__N_1")
_OPERATOR = re.compile(r"operator\s*(?:\(\)|\[\]|<=>|<<=?|>>=?|->\*?|[<>]=?|[-+*/%^&|~!=,]{1,3})")


def clean(function: str | None, raw_function: str | None, *, platform: str) -> str:
    """The name that a frame is grouped by; empty when nothing usable is known."""
    if platform in DOTNET and raw_function:
        function = raw_function
    function = (function or raw_function or "").strip()
    if function in _UNKNOWN:
        return ""
    if platform in JAVASCRIPT:
        return _javascript(function)
    if platform in NATIVE:
        return "" if function in _UNKNOWN_NATIVE else _native(function)
    if platform in JAVA:
        return "" if function.startswith("lambda$") else re.sub(r"\$lambda\$\d+$", "$lambda", function)
    if platform == "ruby":
        return _ERB.sub("", "block" if _RUBY_BLOCK.match(function) else function)
    if platform == "php":
        return _PHP_ANONYMOUS.sub(r"\1", function)
    return function


def _javascript(function: str) -> str:
    name = _JAVASCRIPT_ALIAS.sub("", _JAVASCRIPT_PREFIX.sub("", function))
    # Firefox calls an unnamed function inside foo `foo/<`.
    if name.endswith("/<"):
        return ""
    name = name.rsplit(".", 1)[-1]
    return "" if name in _UNKNOWN else name


def _native(function: str) -> str:
    if function[:2] in ("-[", "+["):  # Objective-C
        return function
    name = _ANONYMOUS_NAMESPACE.sub("(anonymous namespace)", _RUST_HASH.sub("", function))
    bare = _without_arguments(name)
    return bare or name


def _without_arguments(name: str) -> str:
    """Drop what stands in round and angle brackets, and a return type; keep operators and Rust's `<T as Trait>`."""
    kept: list[str] = []
    depth = 0
    position = 0
    while position < len(name):
        character = name[position]
        if depth == 0:
            if name.startswith("(anonymous namespace)", position):
                kept.append("(anonymous namespace)")
                position += len("(anonymous namespace)")
                continue
            if name.startswith("operator", position) and (match := _operator_at(name, position)):
                kept.append(match)
                position += len(match)
                continue
            if character == "<" and not kept:  # <T as Trait>::method has no name without it
                end = _closing(name, position)
                kept.append(name[position:end])
                position = end
                continue
        if character in "(<":
            depth += 1
        elif character in ")>":
            # The arrow of a return type closes nothing.
            if not (character == ">" and position and name[position - 1] == "-"):
                depth = max(0, depth - 1)
        elif depth == 0:
            kept.append(character)
        position += 1
    bare = re.sub(r"(?:::)+$", "", re.sub(r"::(?:::)+", "::", "".join(kept))).strip()
    for suffix in (" const", " volatile", " noexcept"):
        bare = bare.removesuffix(suffix)
    if " " in bare and "operator" not in bare and "(anonymous namespace)" not in bare and not bare.startswith("<"):
        bare = bare.rsplit(" ", 1)[-1].lstrip("*&")
    return bare


def _operator_at(name: str, position: int) -> str:
    match = _OPERATOR.match(name, position)
    return match.group() if match else ""


def _closing(name: str, start: int) -> int:
    depth = 0
    for position in range(start, len(name)):
        if name[position] == "<":
            depth += 1
        elif name[position] == ">" and name[position - 1] != "-":
            depth -= 1
            if depth == 0:
                return position + 1
    return len(name)
