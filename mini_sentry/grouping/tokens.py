"""The bytes that a hash is made of: ordered strings, each with its kind and length, so that no two lists look alike."""

import hashlib


def token(kind: str, text: str) -> bytes:
    """Encode one contributing string: a letter for what it is, its length in bytes, a colon, the text."""
    data = text.encode("utf-8", "surrogatepass")
    return b"%s%d:%s" % (kind.encode(), len(data), data)


def raw_digest(data: bytes) -> bytes:
    """16 bytes that stand for `data` inside a longer list."""
    return hashlib.md5(data, usedforsecurity=False).digest()


def digest(data: bytes) -> str:
    """The 32 lower-case hex digits that groups are looked up by."""
    return hashlib.md5(data, usedforsecurity=False).hexdigest()
