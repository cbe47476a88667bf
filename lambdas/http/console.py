"""Console: the page that people use the HTTP API with. Its files need no key, and its user signs in with one.

The first page names a folder with the hash of all files. Browsers keep the files of that folder for good.
"""

import html
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Final

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEvent

from lambdas.http.application import HttpApplication
from lambdas.http.cached_response import cached_response, content_hash
from lambdas.http.responses import PathNotFound

#: The bundle of the functions holds the folder at the same place as the project.
FOLDER: Final = Path(__file__).parents[2] / "console" / "page"
PATH: Final = "/console"
FIRST_PAGE: Final = "index.html"
#: Element of the first page that names the folder of the other files.
BASE_ELEMENT: Final = '<base href="./">'
#: Types of files that are served. API Gateway passes texts on, and would need other settings for pictures.
CONTENT_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    # Licences of the libraries in the bundle, by their library.
    ".htm": "text/plain; charset=utf-8",
    ".preact": "text/plain; charset=utf-8",
}
_ALWAYS_ASK: Final = "no-cache"
_KEEP: Final = "public, max-age=31536000, immutable"


def add_console(app: HttpApplication, *, picture_origins: Callable[[], Iterable[str]]) -> None:
    """Add the routes of the console; `picture_origins` are those of the buckets that links of the API lead to."""

    @app.get(f"{PATH}(?:/.*)?")
    def show_file() -> Response[str]:
        event = app.current_event
        name = event.path.partition(PATH)[2].strip("/")
        if not name:
            return _first_page(event, picture_origins())
        folder, _, rest = name.partition("/")
        is_kept = folder == _folder_name()
        return _file(event, rest if is_kept else name, cache_control=_KEEP if is_kept else _ALWAYS_ASK)


def _first_page(event: APIGatewayProxyEvent, picture_origins: Iterable[str]) -> Response[str]:
    # The stage or the base path of a domain precedes the path. A page without a slash at its end has another folder.
    address = f"{event.request_context.path.rstrip('/')}/{_folder_name()}/"
    page = _files()[FIRST_PAGE].replace(BASE_ELEMENT, f'<base href="{html.escape(address)}">')
    pictures = " ".join(sorted(set(picture_origins)))
    rules = {
        "default-src": "'none'",
        "base-uri": "'self'",
        "connect-src": f"'self' {pictures}",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
        "img-src": f"'self' blob: data: {pictures}",
        "script-src": "'self'",
        "style-src": "'self'",
    }
    headers = {"Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in rules.items())}
    return cached_response(event, page, CONTENT_TYPES[".html"], cache_control=_ALWAYS_ASK, headers=headers)


def _file(event: APIGatewayProxyEvent, name: str, *, cache_control: str) -> Response[str]:
    if name not in _files() or name == FIRST_PAGE:
        raise PathNotFound(f"the console has no file {name[:128]!r}; its first page is {PATH}/")
    return cached_response(event, _files()[name], CONTENT_TYPES[Path(name).suffix], cache_control=cache_control)


@cache
def _files() -> dict[str, str]:
    """Return the content of every file of the console by its name."""
    return {file.name: file.read_text() for file in sorted(FOLDER.iterdir()) if file.suffix in CONTENT_TYPES}


@cache
def _folder_name() -> str:
    return content_hash("\0".join(part for item in _files().items() for part in item).encode())
