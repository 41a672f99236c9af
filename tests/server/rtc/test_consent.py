from __future__ import annotations

import inspect

import aioice.ice
import pytest

from server.rtc import UpstreamChanged
from server.rtc.consent import notice_loss_quickly


@pytest.fixture(autouse=True)
def _restore(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CONSENT_INTERVAL", "CONSENT_FAILURES"):
        monkeypatch.setattr(aioice.ice, name, getattr(aioice.ice, name))


def test_a_silent_peer_is_given_up_within_five_seconds() -> None:
    notice_loss_quickly()
    longest_pause = aioice.ice.CONSENT_INTERVAL * 1.2
    answer_within = 0.5  # one STUN request without repetition
    assert (longest_pause + answer_within) * aioice.ice.CONSENT_FAILURES < 5.2


def test_upstream_reads_the_constants_at_each_check() -> None:
    source = inspect.getsource(aioice.ice.Connection.query_consent)
    assert "CONSENT_INTERVAL *" in source
    assert ">= CONSENT_FAILURES" in source


def test_says_so_when_upstream_has_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(aioice.ice, "CONSENT_FAILURES")
    with pytest.raises(UpstreamChanged):
        notice_loss_quickly()
