from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest

from engine.errors import BadBundle
from server.gallery import Character, Gallery, UnknownAvatar
from tests.server.conftest import synthetic


async def test_loads_each_once_and_only_when_asked_for() -> None:
    loads: list[str] = []

    def load(name: str) -> Character:
        loads.append(name)
        return synthetic(name)

    with ThreadPoolExecutor(2) as executor:
        gallery = Gallery({n: lambda n=n: load(n) for n in ("ada", "ben")}, executor)  # type: ignore[misc]
        assert gallery.names == ["ada", "ben"]
        assert gallery.first == "ada"
        assert loads == []
        asked = await asyncio.gather(*(gallery.character("ben") for _ in range(5)))
        assert loads == ["ben"]
        assert all(character is asked[0] for character in asked)
        assert asked[0].draw_ms.count > 0


async def test_a_bundle_that_failed_is_tried_again() -> None:
    broken = [True]

    def load() -> Character:
        if broken[0]:
            raise BadBundle("half copied")
        return synthetic()

    with ThreadPoolExecutor(1) as executor:
        gallery = Gallery({"ada": load}, executor)
        with pytest.raises(BadBundle):
            await gallery.character("ada")
        broken[0] = False
        assert (await gallery.character("ada")).title == "Synthetic"


async def test_loading_all_passes_over_a_broken_one(caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> Character:
        raise BadBundle("half copied")

    with ThreadPoolExecutor(1) as executor:
        gallery = Gallery({"ada": broken, "ben": synthetic}, executor)
        await gallery.load_all()
        assert "ada can not be served: half copied" in caplog.text
        assert gallery._loading["ben"].done()


async def test_whoever_stops_waiting_does_not_stop_the_loading_for_others() -> None:
    with ThreadPoolExecutor(1) as executor:
        gallery = Gallery({"ada": synthetic}, executor)
        impatient = asyncio.create_task(gallery.character("ada"))
        patient = asyncio.create_task(gallery.character("ada"))
        await asyncio.sleep(0)  # let both begin to wait
        impatient.cancel()
        assert (await patient).name == "synthetic"


async def test_unknown_and_empty() -> None:
    with ThreadPoolExecutor(1) as executor:
        with pytest.raises(UnknownAvatar, match="expected one of ada"):
            await Gallery({"ada": synthetic}, executor).character("ben")
        with pytest.raises(UnknownAvatar, match="make one"):
            _ = Gallery({}, executor).first
