"""Routes of files: downloads of outputs, and uploads of inputs."""

import asyncio
import io
import mimetypes
from pathlib import Path
from typing import Final

from aiohttp import web
from aiohttp.web_request import FileField
from PIL import Image

from embedded_comfyui.folders import ComfyFolders, OutsideFolder, inside, split_annotated

_CONTENT_TYPES: Final = {".webp": "image/webp", ".flac": "audio/flac", ".webm": "video/webm"}
_BINARY: Final = "application/octet-stream"


class FileRoutes:
    """The routes `view` and `upload`.

    Args:
        are_files_late: True to answer the first question for each file with 404.
    """

    def __init__(self, folders: ComfyFolders, *, are_files_late: bool) -> None:
        self._folders, self._are_files_late = folders, are_files_late
        self._seen_files: set[Path] = set()

    async def view(self, request: web.Request) -> web.StreamResponse:
        """Answer with a file, or with a smaller preview of a picture."""
        query = request.rel_url.query
        if "filename" not in query:
            return web.Response(status=404)
        name, kind = split_annotated(query["filename"], query.get("type", "output"))
        folder = self._folders.of_kind(kind)
        if not name or name.startswith("/") or ".." in name or folder is None:
            return web.Response(status=400)
        try:
            path = inside(folder, query.get("subfolder", "")) / Path(name).name
        except OutsideFolder:
            return web.Response(status=403)
        is_late = self._are_files_late and path not in self._seen_files
        self._seen_files.add(path)
        if is_late or not path.is_file():
            return web.Response(status=404)
        headers = {"Content-Disposition": f'filename="{path.name}"'}
        if preview := query.get("preview"):
            kind, _, quality = preview.partition(";")
            content = io.BytesIO()
            with Image.open(path) as picture:
                picture.convert("RGB").save(content, kind, quality=int(quality or 90))
            return web.Response(body=content.getvalue(), content_type=f"image/{kind}", headers=headers)
        content_type = _CONTENT_TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or _BINARY
        return web.FileResponse(path, headers=headers | {"Content-Type": content_type})

    async def upload(self, request: web.Request) -> web.Response:
        """Write the file of a form, under another name if one with other content has its name."""
        form = await request.post()
        image, kind = form.get("image"), str(form.get("type", "input"))
        if image is None:
            return web.Response(status=400)
        if not isinstance(image, FileField) or (request.path.endswith("mask") and "original_ref" not in form):
            raise TypeError(image)
        folder, subfolder = self._folders.of_kind(kind), str(form.get("subfolder", ""))
        if folder is None:
            raise TypeError(kind)
        try:
            path = inside(folder, str(Path(subfolder, image.filename)))
        except OutsideFolder:
            return web.Response(status=400)
        content = await asyncio.to_thread(image.file.read)
        path.parent.mkdir(parents=True, exist_ok=True)
        first, number = path, 1
        while form.get("overwrite") not in {"true", "1"} and path.exists() and path.read_bytes() != content:
            path, number = first.with_name(f"{first.stem} ({number}){first.suffix}"), number + 1
        path.write_bytes(content)
        return web.json_response({"name": path.name, "subfolder": subfolder, "type": kind})
