import contextlib
import gzip
import io
import tracemalloc
import zlib

import brotli
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from mini_sentry.protocol.errors import BodyTooLarge, EncodingInvalid, EncodingUnknown
from mini_sentry.protocol.inflate import inflate, is_known

TEXT = b'{"event_id":"0123456789abcdef0123456789abcdef"}\n' * 400
CAP = 64 * 1024


def raw_deflate(data: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-15)
    return compressor.compress(data) + compressor.flush()


def zstd_without_size(data: bytes) -> bytes:
    compressor = zstandard.ZstdCompressor().compressobj()
    return compressor.compress(data) + compressor.flush()


ENCODERS = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "deflate raw": raw_deflate,
    "br": brotli.compress,
    "zstd": zstandard.compress,
    "zstd streamed": zstd_without_size,
}
KINDS = sorted(ENCODERS)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("plain", [b"", b"x", TEXT])
def test_every_encoding_is_undone(kind, plain):
    assert inflate(ENCODERS[kind](plain), kind.split()[0], max_bytes=CAP) == plain


@pytest.mark.parametrize("name", ["", "identity", "UTF-8", " utf-8 "])
def test_names_that_mean_nothing_leave_the_body_alone(name):
    assert inflate(TEXT, name, max_bytes=CAP) is TEXT


def test_names_are_read_in_any_case():
    assert inflate(gzip.compress(TEXT), " GZip ", max_bytes=CAP) == TEXT
    assert is_known("BR")


@pytest.mark.parametrize("name", ["lzma", "gzip, br", "x", "compress"])
def test_an_unknown_encoding_is_named(name):
    assert not is_known(name)
    with pytest.raises(EncodingUnknown) as caught:
        inflate(TEXT, name, max_bytes=CAP)
    assert caught.value.encoding == name


@pytest.mark.parametrize(
    "members",
    [[TEXT, TEXT], [TEXT, b"short"], [b"short", TEXT], [b"", TEXT, b""], [TEXT, b"", TEXT]],
)
def test_gzip_of_several_members_is_one_text(members):
    assert inflate(b"".join(map(gzip.compress, members)), "gzip", max_bytes=CAP) == b"".join(members)


def test_bytes_after_a_gzip_member_are_ignored():
    assert inflate(gzip.compress(TEXT) + b"\0" * 500, "gzip", max_bytes=CAP) == TEXT
    assert inflate(gzip.compress(TEXT) + b"trailing", "gzip", max_bytes=CAP) == TEXT


@pytest.mark.parametrize("kind", KINDS)
def test_a_body_that_ends_early_is_invalid(kind):
    body = ENCODERS[kind](TEXT)
    for cut in (1, 3, 9, len(body) // 2, len(body) - 3):
        with pytest.raises(EncodingInvalid):
            inflate(body[:-cut], kind.split()[0], max_bytes=CAP)


@pytest.mark.parametrize("name", ["gzip", "deflate", "br", "zstd"])
def test_an_empty_body_is_invalid_in_every_encoding(name):
    with pytest.raises(EncodingInvalid):
        inflate(b"", name, max_bytes=CAP)


def test_a_damaged_checksum_is_noticed():
    body = bytearray(gzip.compress(TEXT))
    body[-6] ^= 1
    with pytest.raises(EncodingInvalid):
        inflate(bytes(body), "gzip", max_bytes=CAP)


@pytest.mark.parametrize("kind", KINDS)
def test_one_byte_over_the_cap_is_too_large(kind):
    body = ENCODERS[kind](b"x" * CAP)
    assert inflate(body, kind.split()[0], max_bytes=CAP) == b"x" * CAP
    with pytest.raises(BodyTooLarge):
        inflate(body, kind.split()[0], max_bytes=CAP - 1)


def test_a_plain_body_is_held_to_the_cap_too():
    with pytest.raises(BodyTooLarge):
        inflate(b"x" * 11, "", max_bytes=10)


@pytest.mark.parametrize("kind", KINDS)
def test_a_bomb_costs_no_more_memory_than_the_cap(kind):
    bomb = ENCODERS[kind](bytes(64 * 1024 * 1024))
    tracemalloc.start()
    try:
        with pytest.raises(BodyTooLarge):
            inflate(bomb, kind.split()[0], max_bytes=1024 * 1024)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 * 1024 * 1024


def test_a_trailer_that_lies_about_the_size_never_changes_the_text():
    body = gzip.compress(TEXT)
    for promised in (0, 1, len(TEXT) - 1, len(TEXT) + 1, 2**20, 2**32 - 1):
        with contextlib.suppress(EncodingInvalid):
            assert inflate(body[:-4] + promised.to_bytes(4, "little"), "gzip", max_bytes=CAP) == TEXT


def test_many_small_gzip_members_are_held_to_the_cap_together():
    with pytest.raises(BodyTooLarge):
        inflate(gzip.compress(b"x" * 1000) * 70, "gzip", max_bytes=CAP)


@given(plain=st.binary(max_size=3000), kind=st.sampled_from(KINDS), cap=st.integers(0, 4000))
def test_what_fits_under_the_cap_comes_back_and_what_does_not_is_refused(plain, kind, cap):
    body = ENCODERS[kind](plain)
    if len(plain) <= cap:
        assert inflate(body, kind.split()[0], max_bytes=cap) == plain
    else:
        with pytest.raises(BodyTooLarge):
            inflate(body, kind.split()[0], max_bytes=cap)


@given(noise=st.binary(max_size=200), name=st.sampled_from(["gzip", "deflate", "br", "zstd"]), lead=st.booleans())
def test_noise_is_refused_or_read_but_never_breaks_anything(noise, name, lead):
    body = (ENCODERS[name](b"abc" * 50)[:12] if lead else b"") + noise
    with contextlib.suppress(EncodingInvalid, BodyTooLarge):
        assert len(inflate(body, name, max_bytes=CAP)) <= CAP


def test_zstd_frames_follow_one_another():
    joined = io.BytesIO()
    joined.write(zstandard.compress(TEXT))
    joined.write(zstandard.compress(b"tail"))
    assert inflate(joined.getvalue(), "zstd", max_bytes=CAP) == TEXT + b"tail"
