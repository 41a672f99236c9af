"""The addresses of avatars: seeing, making, checking, keeping and removing them."""

from __future__ import annotations

import asyncio
import json
import zlib
from functools import partial
from typing import Any

import cv2
from aiohttp import web

from engine.errors import BadBundle, BadInput, BadPhoto, MissingExtra
from server.bundles import clean_title
from server.checks import Checks
from server.collection import Collection
from server.exports import QUALITIES, Exports
from server.gallery import Character
from server.jobs import Order
from server.keys import CHECKS, COLLECTION, EXPORTS, GALLERY
from server.library import slug
from server.problems import Forbidden
from server.uploads import BUNDLE, kind_of, received

__all__ = ["avatar_routes", "json_object"]

_MOST_JSON_BYTES = 4096
_BUNDLE_TYPE = "application/zip"


def avatar_routes() -> list[web.AbstractRouteDef]:
    """All of them."""
    return [
        web.get("/avatars", list_avatars),
        web.post("/avatars", make_avatar),
        web.get("/avatars/{name}", show_avatar),
        web.patch("/avatars/{name}", rename_avatar),
        web.delete("/avatars/{name}", delete_avatar),
        web.get("/avatars/{name}/thumbnail.jpg", thumbnail),
        web.get("/avatars/{name}/preview.png", preview),
        web.get("/avatars/{name}/still.jpg", still),
        web.get("/avatars/{name}/bundle.avatar", bundle),
        web.post("/checks", check_upload),
        web.post("/checks/prepare", prepare_check),
        web.get("/exports", list_exports),
        web.get("/exports/{id}", export_events),
        web.delete("/exports/{id}", cancel_export),
    ]


async def json_object(request: web.Request, most_bytes: int = _MOST_JSON_BYTES) -> dict[str, Any]:
    """The body of a small request. Raises BadInput for anything but a JSON object."""
    try:
        body = await request.clone(client_max_size=most_bytes).json()
    except (ValueError, RecursionError) as error:
        raise BadInput(f"got no JSON ({error}), expected an object") from error
    if not isinstance(body, dict):
        raise BadInput(f"got {body!r:.40}, expected a JSON object")
    return body


async def list_avatars(request: web.Request) -> web.Response:
    """GET /avatars: names, titles, pictures' addresses, and what can be done here."""
    gallery = request.app[GALLERY]
    avatars = []
    for name in gallery.names:
        try:
            avatars.append(_described(request, name, await gallery.character(name)))
        except BadBundle:  # said in the log when it was loaded; the others can be served
            continue
    exports, collection = request.app.get(EXPORTS), request.app.get(COLLECTION)
    qualities = exports.qualities() if exports is not None else []
    return web.json_response(
        {
            "avatars": avatars,
            "can_make": bool(qualities),
            "qualities": qualities,
            "can_import": collection is not None and collection.changeable,
        }
    )


async def show_avatar(request: web.Request) -> web.Response:
    """GET /avatars/NAME: one entry of the list."""
    name = request.match_info["name"]
    character = await request.app[GALLERY].character(name)
    return web.json_response(_described(request, name, character))


async def rename_avatar(request: web.Request) -> web.Response:
    """PATCH /avatars/NAME, {"title": "..."}: the entry with its new title."""
    name = request.match_info["name"]
    title = (await json_object(request)).get("title")
    if not isinstance(title, str):
        raise BadInput(f"got the title {title!r:.40}, expected {{'title': 'some text'}}")
    await _collection(request).rename(name, title)
    return await show_avatar(request)


async def delete_avatar(request: web.Request) -> web.Response:
    """DELETE /avatars/NAME: gone for good, with what is being made of it."""
    name, exports = request.match_info["name"], request.app.get(EXPORTS)
    collection = _collection(request)
    if exports is not None and collection.editable(name):
        for job in exports.jobs():
            if job.name == name:
                await exports.cancel(job)
    await collection.remove(name)
    return web.Response(status=204)


async def thumbnail(request: web.Request) -> web.Response:
    """GET /avatars/NAME/thumbnail.jpg"""
    character = await request.app[GALLERY].character(request.match_info["name"])
    return _image(character.thumbnail_jpg, "image/jpeg")


async def preview(request: web.Request) -> web.Response:
    """GET /avatars/NAME/preview.png"""
    character = await request.app[GALLERY].character(request.match_info["name"])
    return _image(character.preview_png, "image/png")


async def still(request: web.Request) -> web.Response:
    """GET /avatars/NAME/still.jpg: the face at rest, in the size in which it will talk."""
    character = await request.app[GALLERY].character(request.match_info["name"])
    bgr = cv2.cvtColor(character.rest, cv2.COLOR_RGB2BGR)
    encode = partial(cv2.imencode, ".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, 93])
    return _image((await asyncio.to_thread(encode))[1].tobytes(), "image/jpeg")


async def bundle(request: web.Request) -> web.FileResponse:
    """GET /avatars/NAME/bundle.avatar: the file, to keep or to take elsewhere."""
    name = request.match_info["name"]
    path = _collection(request).file(name)
    return web.FileResponse(
        path,
        headers={
            "Content-Type": _BUNDLE_TYPE,
            "Content-Disposition": f'attachment; filename="{name}.avatar"',
            "Cache-Control": "no-store",
        },
    )


async def make_avatar(request: web.Request) -> web.Response:
    """POST /avatars?name=TITLE&rights=yes&quality=fast, a photo or a video: 202, and where its
    events are. POST /avatars?rights=yes, a bundle (application/zip): 201, and where it is."""
    if request.query.get("rights") != "yes":
        raise BadPhoto(
            "nothing says that this face may be used, expected ?rights=yes: upload your own "
            "photo, or one of a person who agreed"
        )
    if request.content_type == _BUNDLE_TYPE:
        return await _take_bundle(request)
    exports = _exports(request)
    title = clean_title(request.query.get("name", ""))
    if not title:
        raise BadPhoto("the avatar has no name, expected ?name=...: give it one")
    quality = request.query.get("quality", "fast")
    if quality not in QUALITIES:
        raise BadPhoto(f"got quality={quality!r}, expected one of {', '.join(QUALITIES)}")
    exports.check(quality)
    kind = kind_of(request.content_type)
    async with received(request, exports.folder, kind) as upload:
        order = Order(slug(title, request.app[GALLERY].names), title, quality)
        job = exports.start(upload, order)
    return web.json_response(
        {"name": order.name}, status=202, headers={"Location": f"/exports/{job.id}"}
    )


async def _take_bundle(request: web.Request) -> web.Response:
    collection = _collection(request)
    if not collection.changeable:  # said before the upload, not after
        raise Forbidden("bundles can not be uploaded to a server that is open without a token")
    async with received(request, collection.folder, BUNDLE) as upload:
        name = await collection.take(upload)
    described = _described(request, name, await request.app[GALLERY].character(name))
    return web.json_response(described, status=201, headers={"Location": f"/avatars/{name}"})


async def check_upload(request: web.Request) -> web.Response:
    """POST /checks, a photo or a video: how good it is. Nothing is kept."""
    checks, exports = _checks(request), _exports(request)
    kind = kind_of(request.content_type)
    async with received(request, exports.folder, kind) as upload:
        return web.json_response(await checks.check(upload))


async def prepare_check(request: web.Request) -> web.Response:
    """POST /checks/prepare: somebody is about to choose a photo."""
    await _checks(request).prepare()
    return web.Response(status=204)


async def list_exports(request: web.Request) -> web.Response:
    """GET /exports: the running one and the last ones; of a server open to everybody, none."""
    collection, exports = request.app.get(COLLECTION), request.app.get(EXPORTS)
    shown = exports is not None and (collection is None or collection.changeable)
    jobs = exports.jobs() if exports is not None and shown else []
    return web.json_response({"exports": [job.described() for job in jobs]})


async def export_events(request: web.Request) -> web.StreamResponse:
    """GET /exports/ID: all of its events, as server-sent events, to the last."""
    job = _exports(request).find(request.match_info["id"])
    response = web.StreamResponse(
        headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
    )
    await response.prepare(request)
    async for event in job.follow():
        await response.write(f"data: {json.dumps(event)}\n\n".encode())
    await response.write_eof()
    return response


async def cancel_export(request: web.Request) -> web.Response:
    """DELETE /exports/ID: end it; a quick avatar that is there already stays."""
    exports = _exports(request)
    await exports.cancel(exports.find(request.match_info["id"]))
    return web.Response(status=204)


def _exports(request: web.Request) -> Exports:
    exports = request.app.get(EXPORTS)
    if exports is None:
        raise MissingExtra("making an avatar", "photo")
    return exports


def _checks(request: web.Request) -> Checks:
    checks = request.app.get(CHECKS)
    if checks is None:
        raise MissingExtra("looking at a photo", "photo")
    return checks


def _collection(request: web.Request) -> Collection:
    collection = request.app.get(COLLECTION)
    if collection is None:
        raise Forbidden("this server keeps no files, expected one started by `engine serve`")
    return collection


def _described(request: web.Request, name: str, character: Character) -> dict[str, Any]:
    collection = request.app.get(COLLECTION)
    version = f"{zlib.crc32(character.thumbnail_jpg):08x}"  # a browser keeps pictures for a while
    return {
        "name": name,
        "title": character.title,
        "thumbnail": f"/avatars/{name}/thumbnail.jpg?v={version}",
        "preview": f"/avatars/{name}/preview.png?v={version}",
        "still": f"/avatars/{name}/still.jpg?v={version}",
        "bundle": f"/avatars/{name}/bundle.avatar" if collection is not None else None,
        "editable": collection is not None and collection.editable(name),
    }


def _image(data: bytes, content_type: str) -> web.Response:
    return web.Response(
        body=data, content_type=content_type, headers={"Cache-Control": "private, max-age=60"}
    )
