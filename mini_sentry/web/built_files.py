"""The built UI's files, also those of a build that was made after the start.

WhiteNoise reads its list of files once, when the server starts. A rebuild names its files anew, and the page names the new
ones at once, so without another look they would be missing until a restart.
"""

from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from whitenoise.middleware import WhiteNoiseMiddleware

PREFIX: Final = "/assets/"


class BuiltFiles(WhiteNoiseMiddleware):  # type: ignore[misc]
    """WhiteNoise that reads the list of the UI's files again when one is asked for that it does not have, if there is
    another build than the one it read."""

    files: dict[str, Any]

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        super().__init__(get_response)
        self._directory: Path = settings.WEB_DIST / "assets"
        self._lock = Lock()
        self._read: frozenset[str] = frozenset()
        self._read_again()

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        path = request.path_info
        if path.startswith(PREFIX) and path not in self.files:
            self._read_again()
        try:
            response: HttpResponseBase = super().__call__(request)
        except FileNotFoundError:
            # On the list, but of a build that is gone.
            self._read_again()
            response = self.get_response(request)
        return response

    def _read_again(self) -> None:
        with self._lock:
            names = _names_in(self._directory)
            if names == self._read:
                return
            self.files = {url: file for url, file in self.files.items() if not url.startswith(PREFIX)}
            if names:
                self.add_files(str(self._directory), prefix=PREFIX)
            self._read = names


def _names_in(directory: Path) -> frozenset[str]:
    """The names tell builds apart, because each contains a hash of its file."""
    try:
        return frozenset(file.name for file in directory.iterdir())
    except FileNotFoundError:
        return frozenset()
