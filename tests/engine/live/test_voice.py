from __future__ import annotations

import numpy as np

from engine.live.voice import VoiceMemory


def test_gives_back_what_was_put_in_across_the_ring() -> None:
    memory = VoiceMemory(capacity=1000)
    told = np.arange(1, 3001, dtype=np.int16)
    for part in np.split(told, 25):
        memory.append(part)
    assert np.array_equal(memory.read(2500, 400), told[2500:2900])


def test_zeros_where_nothing_is_known() -> None:
    memory = VoiceMemory(capacity=100)
    memory.append(np.ones(150, np.int16))
    assert memory.read(30, 40).tolist() == [0] * 20 + [1] * 20  # forgotten up to 50
    assert memory.read(140, 20).tolist() == [1] * 10 + [0] * 10  # not come yet
    assert not memory.read(-20, 20).any()


def test_takes_more_than_it_holds() -> None:
    memory = VoiceMemory(capacity=10)
    memory.append(np.arange(25, dtype=np.int16))
    assert memory.read(15, 10).tolist() == list(range(15, 25))
