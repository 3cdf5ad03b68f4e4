import pytest

from mini_sentry.symbolication.lookup import Code, Found, Why
from mini_sentry.symbolication.matching import File, Files


def source_map(name: str, *, file: str = "", env: str = "production", dist: str = "", checksum: str = "") -> File:
    return File(name, "source_map", checksum or f"{name}/{env}/{dist}", file, "", env, dist, "")


def minified(name: str, *, refers_to: str = "", env: str = "production") -> File:
    return File(name, "minified", f"code of {name}", "", refers_to, env, "", "")


def find(path: str, *files: File, environment: str = "production", dist: str = "") -> Found | Why:
    return Files(files).find(path, environment=environment, dist=dist)


@pytest.mark.parametrize(
    "name",
    [
        "https://shop.test/static/app.js.map",
        "https://shop.test/static/app.js",
        "~/static/app.js.map",
        "/static/app.js.map",
        "static/app.js.map",
        "./static/app.js.map",
        "static\\app.js.map",
    ],
)
@pytest.mark.parametrize("path", ["https://shop.test/static/app.js?v=3#x", "~/static/app.js", "app:///static/app.js"])
def test_a_name_is_a_url_a_path_or_a_tilde_form(name: str, path: str):
    found = find(path, source_map("other.js.map"), source_map(name))
    assert isinstance(found, Found)
    assert (found.name, found.matched_by) == (name, "name")


def test_a_url_on_another_host_is_no_equal_name():
    found = find("https://shop.test/app.js", source_map("https://other.test/app.js.map"), source_map("~/app.js.map"))
    assert found.name == "~/app.js.map"


def test_the_minified_file_names_its_map():
    found = find(
        "https://cdn.test/v2/app.js",
        source_map("~/v2/maps/app.4f2a.map"),
        minified("~/v2/app.js", refers_to="maps/app.4f2a.map"),
    )
    assert (found.name, found.matched_by, found.bundle) == ("~/v2/maps/app.4f2a.map", "name", "code of ~/v2/app.js")


def test_the_maps_own_file_is_next():
    found = find("http://h/static/app.js", source_map("whatever.json", file="app.js"))
    assert (found.name, found.matched_by) == ("whatever.json", "file")


def test_the_longest_equal_end_comes_last():
    found = find(
        "https://shop.test/base/assets/app.js",
        source_map("dist/assets/app.js.map"),
        source_map("dist/other/app.js.map"),
    )
    assert (found.name, found.matched_by) == ("dist/assets/app.js.map", "tail")


def test_ends_that_are_equally_long_are_not_chosen_between():
    why = find("https://shop.test/app.js", source_map("v1/app.js.map"), source_map("v2/app.js.map"))
    assert (why.code, why.names) == (Code.AMBIGUOUS, ["v1/app.js.map", "v2/app.js.map"])


def test_the_newest_of_one_name_is_used():
    found = find("app.js", source_map("app.js.map", checksum="new"), source_map("app.js.map", checksum="old"))
    assert found.checksum == "new"


def test_the_events_own_environment_comes_before_any_other():
    files = source_map("app.js.map", env="staging"), source_map("app.js.map", env="production")
    assert find("app.js", *files).checksum == "app.js.map/production/"
    assert find("app.js", *files, environment="staging").checksum == "app.js.map/staging/"
    assert find("app.js", files[0]).checksum == "app.js.map/staging/"


def test_the_events_own_environment_may_lack_only_this_file():
    found = find("app.js", source_map("other.js.map"), source_map("app.js.map", env="staging"))
    assert found.name == "app.js.map"


def test_a_dist_takes_its_own_files_before_those_of_none():
    files = source_map("app.js.map"), source_map("app.js.map", dist="7")
    assert find("app.js", *files, dist="7").checksum == "app.js.map/production/7"
    assert find("app.js", *files, dist="8").checksum == "app.js.map/production/"
    assert find("app.js", *files).checksum == "app.js.map/production/"


def test_files_of_another_dist_are_told():
    why = find("app.js", source_map("app.js.map", dist="7"), dist="8")
    assert (why.code, why.names) == (Code.OTHER_DIST, ["7"])


def test_a_file_that_is_not_there_is_told_with_those_that_are():
    why = find("https://shop.test/pay.js", source_map("app.js.map"), source_map("admin.js.map"))
    assert (why.code, why.names) == (Code.NO_SUCH_FILE, ["app.js.map", "admin.js.map"])
