"""Avatars made here can be renamed, deleted and brought along; the others can not."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

import server.collection
from engine.avatar import builtin_avatars
from engine.clock import MonotonicClock
from engine.errors import BadBundle, BadInput
from server.collection import Collection
from server.confined import Bounds
from server.gallery import Gallery, UnknownAvatar
from server.library import Library
from server.problems import Forbidden
from tests import bundles


@dataclass
class House:
    folder: Path
    gallery: Gallery
    collection: Collection

    def left(self) -> list[str]:
        return sorted(p.name for p in self.folder.iterdir())


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """One built-in avatar, and one that was made here."""
    folder = tmp_path / "avatars"
    folder.mkdir()
    own = bundles.bundle(folder / "own.avatar")
    library = Library(folder, MonotonicClock())
    name, builtin = next(iter(builtin_avatars().items()))
    files = {name: builtin, "own": own}
    with ThreadPoolExecutor(1) as executor:
        gallery = Gallery(library.loaders(files), executor)
        yield House(folder, gallery, Collection(library, gallery, files))


async def test_a_new_title_is_served_at_once_and_kept(house: House) -> None:
    assert (await house.gallery.character("own")).title == "Nobody [at all]"
    await house.collection.rename("own", "  Me,  smiling ")
    assert (await house.gallery.character("own")).title == "Me, smiling"
    again = Library(house.folder, MonotonicClock()).loader("own", house.folder / "own.avatar")()
    assert again.title == "Me, smiling"
    with pytest.raises(BadInput, match="empty"):
        await house.collection.rename("own", " \n ")


async def test_a_better_avatar_keeps_the_title_that_the_first_one_was_given(house: House) -> None:
    await house.collection.rename("own", "Me")
    house.collection.made("own", bundles.bundle(house.folder / "own.avatar"))
    assert (await house.gallery.character("own")).title == "Me"


async def test_deleted_is_deleted(house: House) -> None:
    await house.collection.remove("own")
    assert house.left() == []
    assert "own" not in house.gallery.names
    with pytest.raises(UnknownAvatar):
        await house.collection.remove("own")


async def test_what_was_not_made_here_is_read_only(house: House) -> None:
    builtin = house.gallery.first
    assert not house.collection.editable(builtin)
    assert house.collection.editable("own")
    for change in (house.collection.remove(builtin), house.collection.rename(builtin, "x")):
        with pytest.raises(Forbidden, match="read only"):
            await change
    assert house.collection.file(builtin).is_file()


async def test_where_everybody_may_come_in_nobody_may_change_anything(house: House) -> None:
    house.collection.changeable = False
    upload = bundles.bundle(house.folder.parent / "bundle.avatar")
    for change in (
        house.collection.remove("own"),
        house.collection.rename("own", "x"),
        house.collection.take(upload),
    ):
        with pytest.raises(Forbidden, match="--token"):
            await change
    assert not house.collection.editable("own")
    assert house.left() == ["own.avatar"]


async def test_a_bundle_from_elsewhere_is_proved_named_and_served(house: House) -> None:
    upload = bundles.bundle(house.folder.parent / "bundle.avatar", title="x" * 300, name="own")
    name = await house.collection.take(upload)
    assert name == "x" * 40
    assert (await house.gallery.character(name)).title == "x" * 40
    assert house.collection.editable(name)
    twice = bundles.bundle(house.folder.parent / "bundle.avatar", title="x" * 300)
    assert await house.collection.take(twice) == f"{name}-2", "nobody's avatar is replaced"
    assert len(house.left()) == 3


async def test_one_that_is_no_bundle_is_refused_with_its_reason(house: House) -> None:
    upload = house.folder.parent / "bundle.avatar"
    upload.write_bytes(b"no zip")
    with pytest.raises(BadBundle, match="can not be opened"):
        await house.collection.take(upload)
    assert house.left() == ["own.avatar"]


async def test_one_that_asks_for_too_much_is_refused(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    upload = bundles.bundle(house.folder.parent / "bundle.avatar")
    house.collection._bounds = Bounds(memory_mb=60, cpu_s=5, file_mb=1)
    with pytest.raises(BadBundle, match="more time or memory"):
        await house.collection.take(upload)
    assert "proving a bundle ended" in caplog.text


async def test_one_that_takes_too_long_is_refused(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server.collection, "PROVE_WITHIN_S", 0.0)
    upload = bundles.bundle(house.folder.parent / "bundle.avatar")
    with pytest.raises(BadBundle, match="more time or memory"):
        await house.collection.take(upload)
