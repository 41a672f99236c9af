"""Notice within seconds that a browser is gone.

Upstream behaviour: aioice asks the peer for consent (RFC 7675) every 5 s and gives up after 6
failures. A killed browser is noticed after 25 to 28 s, and until then its session goes on
rendering. Measured with the values here: 4 s.
"""

from __future__ import annotations

import aioice.ice

from server.rtc import UpstreamChanged

__all__ = ["notice_loss_quickly"]

_INTERVAL_S = 1
_FAILURES = 3


def notice_loss_quickly() -> None:
    """Set aioice's constants, which it reads at each check. Once per process is enough."""
    if not (hasattr(aioice.ice, "CONSENT_INTERVAL") and hasattr(aioice.ice, "CONSENT_FAILURES")):
        raise UpstreamChanged(
            "aioice has no CONSENT_INTERVAL and CONSENT_FAILURES any more: install aioice 0.13"
        )
    aioice.ice.CONSENT_INTERVAL = _INTERVAL_S
    aioice.ice.CONSENT_FAILURES = _FAILURES
