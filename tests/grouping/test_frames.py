import pytest

from mini_sentry.grouping.frames import strings_of
from mini_sentry.grouping.functions import clean
from mini_sentry.protocol.event import Frame


def strings(platform: str, **fields: object) -> list[str]:
    found = strings_of(Frame(**fields), platform=platform)  # type: ignore[arg-type]
    return [part.value for part in found.parts if not part.why_not] if found.encoded else []


@pytest.mark.parametrize(
    ("platform", "function", "name"),
    [
        ("python", "<lambda>", "<lambda>"),
        ("python", "?", ""),
        ("python", "<anonymous>", ""),
        ("javascript", "Foo.prototype.bar", "bar"),
        ("javascript", "Object.bar", "bar"),
        ("javascript", "async bar", "bar"),
        ("javascript", "new Cart", "Cart"),
        ("javascript", "Object.foo [as bar]", "foo"),
        ("javascript", "foo/<", ""),
        ("node", "Object.?", ""),
        ("node", "Server.<anonymous>", ""),
        ("java", "lambda$main$0", ""),
        ("java", "invoke$lambda$12", "invoke$lambda"),
        ("ruby", "block (2 levels) in load", "block"),
        ("ruby", "block in <top (required)>", "block"),
        ("ruby", "_app_views_home_index_html_erb__2389472384_1200", "_app_views_home_index_html_erb"),
        ("php", "class@anonymous\0/srv/app/run.php:30$0::handle", "class@anonymous::handle"),
        ("php", "class@anonymous/srv/app/run.php:30$0", "class@anonymous"),
        ("native", "<redacted>", ""),
        ("native", "<unknown>", ""),
        ("native", "std::vector<int, std::allocator<int>>::push_back(int const&)", "std::vector::push_back"),
        ("native", "void sort<int*>(int*, int*)", "sort"),
        ("native", "(anonymous namespace)::run(int)", "(anonymous namespace)::run"),
        ("native", "`anonymous namespace'::run", "(anonymous namespace)::run"),
        ("native", "Foo::operator()(int) const", "Foo::operator()"),
        ("native", "Foo::operator<(Foo const&)", "Foo::operator<"),
        ("native", "core::panicking::panic_fmt::h0123456789abcdef", "core::panicking::panic_fmt"),
        ("native", "<shop::Cart as shop::Priced>::total::h0123456789abcdef", "<shop::Cart as shop::Priced>::total"),
        ("cocoa", "-[Cart total:]", "-[Cart total:]"),
        ("native", "main", "main"),
    ],
)
def test_function_names_lose_what_changes_from_build_to_build(platform: str, function: str, name: str) -> None:
    assert clean(function, None, platform=platform) == name


def test_dotnet_goes_by_the_raw_name() -> None:
    assert clean("Cart.Total", "Cart.Total(Int32)", platform="csharp") == "Cart.Total(Int32)"


def test_a_module_is_preferred_to_a_file_and_a_file_goes_by_its_name() -> None:
    assert strings("python", module="shop.views", filename="/srv/a/views.py", function="f") == ["shop.views", "f"]
    assert strings("python", filename="/srv/a/Views.py", function="f") == ["views.py", "f"]
    assert strings("csharp", filename="C:\\app\\Cart.cs", function="f") == ["cart.cs", "f"]


@pytest.mark.parametrize("path", ["https://x.com/app.3f9a.js", "blob:https://x.com/1", "applewebdata://1/a.js"])
def test_a_file_that_is_a_url_does_not_count(path: str) -> None:
    assert strings("javascript", abs_path=path, filename="/app.3f9a.js", function="checkout") == ["checkout"]
    assert strings("javascript", filename=path, function="checkout") == ["checkout"]


@pytest.mark.parametrize("name", ["<string>", "<frozen runpy>", "[native code]"])
def test_a_name_that_is_no_file_does_not_count(name: str) -> None:
    assert strings("python", filename=name, function="f") == ["f"]


def test_a_javascript_module_that_is_only_the_path_does_not_count() -> None:
    path = "/srv/app/src/shop/cart.js"
    assert strings("node", module="shop/cart", abs_path=path, filename=path, function="add") == ["cart.js", "add"]
    assert strings("node", module="cart", abs_path=path, filename=path, function="add") == ["cart", "add"]


@pytest.mark.parametrize(
    ("module", "found"),
    [
        ("com.shop.Cart$$Lambda$14/0x0000000800c8a440", []),
        ("jdk.internal.reflect.GeneratedMethodAccessor117", ["jdk.internal.reflect.GeneratedMethodAccessor"]),
        ("com.shop.Cart$$EnhancerBySpringCGLIB$$7f3a2c10", ["com.shop.Cart$$EnhancerBySpringCGLIB"]),
        ("com.shop.Cart$$FastClassBySpringCGLIB$$1a2b3c4d", ["com.shop.Cart$$FastClassBySpringCGLIB"]),
        ("com.shop.Cart_$$_jvst2ad_0", ["com.shop.Cart_$$_jvst"]),
        ("com.shop.Cart$HibernateProxy$Ab12Cd34", ["com.shop.Cart$HibernateProxy"]),
        ("shop.core$fn__4821", ["shop.core$fn__"]),
    ],
)
def test_java_classes_made_at_run_time_lose_their_number(module: str, found: list[str]) -> None:
    assert strings("java", module=module, function="run") == [*found, "run"]


def test_only_the_function_of_a_native_frame_counts() -> None:
    assert strings("native", package="/usr/lib/libc.so", filename="cart.cc", module="m", function="add") == ["add"]


def test_a_line_of_code_counts_with_its_white_space_collapsed() -> None:
    assert strings("python", function="f", context_line="   return  int( raw )\t") == ["f", "return int( raw )"]
    assert strings("go", function="f", context_line="return raw") == ["f"]
    assert strings("python", function="f", context_line="x" * 121) == ["f"]
    assert strings("python", function="f", context_line=" \t") == ["f"]


def test_a_line_of_a_page_without_function_does_not_count() -> None:
    assert strings("javascript", filename="https://x.com/", function="?", context_line="go()") == []


def test_a_mapped_frame_counts_by_its_code_and_not_its_name() -> None:
    found = strings("javascript", filename="src/cart.ts", function="t", context_line="throw new RangeError(code)")
    assert found == ["cart.ts", "throw new RangeError(code)"]


@pytest.mark.parametrize("fields", [{"function": "eval"}, {"abs_path": "<anonymous>"}, {"abs_path": "native code"}])
def test_javascript_without_a_source_is_no_frame(fields: dict[str, str]) -> None:
    assert strings("javascript", **{"function": "f", **fields}) == []


def test_a_frame_that_names_its_own_platform_goes_by_it() -> None:
    found = strings_of(Frame(platform="javascript", function="Object.render"), platform="cocoa")
    assert found.function == "render"
