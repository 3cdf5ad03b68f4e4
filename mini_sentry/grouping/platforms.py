"""Which platforms a frame or an event can come from, and which of them are alike for grouping."""

from functools import lru_cache

JAVASCRIPT = frozenset({"javascript", "node"})
NATIVE = frozenset({"native", "c", "cpp", "cocoa", "objc", "swift", "rust"})
JAVA = frozenset({"java", "kotlin", "android", "groovy", "scala", "clojure"})
DOTNET = frozenset({"csharp", "dotnet", "fsharp", "vb"})
# Their SDKs read the line of code from the source, or we do from a source map.
WITH_CONTEXT_LINES = JAVASCRIPT | {"python", "php", "ruby"}

_NAMED = {"javascript": JAVASCRIPT, "native": NATIVE, "java": JAVA, "dotnet": DOTNET}


@lru_cache(maxsize=256)
def families(platform: str) -> frozenset[str]:
    """What the matcher `family:` may call a platform: its own name, its relatives' name, `all`."""
    named = {family for family, platforms in _NAMED.items() if platform in platforms}
    return frozenset({platform, "all", *(named or {"other"})})
