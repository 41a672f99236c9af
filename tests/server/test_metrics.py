from __future__ import annotations

import re

from server.metrics import Metrics, Recent, SessionCounts


def test_text_is_prometheus_and_sums_running_and_ended() -> None:
    metrics = Metrics(ended=SessionCounts(sent=1_000_000_007, repeated=1))
    metrics.timings.draw.add(12.5)
    text = metrics.text([SessionCounts(sent=5), SessionCounts(sent=10, repeated=2)], places=4)
    sample = re.compile(r'^[a-z_]+(\{quantile="[0-9.]+"\})? [0-9.e+-]+$')
    for line in text.splitlines():
        assert line.startswith("# ") or sample.match(line), line
    assert "avatar_engine_sessions 2\n" in text
    assert "avatar_engine_places 4\n" in text
    assert len(re.findall("# HELP (.*?) ", text)) == len(set(re.findall("# TYPE (.*?) ", text)))
    for name in ("delay", "skew", "ready", "encode"):
        assert f"avatar_engine_{name}_milliseconds_count 0\n" in text
    assert "avatar_engine_sent_total 1000000022\n" in text
    assert "avatar_engine_repeated_total 3\n" in text
    assert 'avatar_engine_draw_milliseconds{quantile="0.5"} 12.5\n' in text
    assert "avatar_engine_draw_milliseconds_count 1\n" in text


def test_recent_is_bounded() -> None:
    recent = Recent(most=10)
    for value in range(100):
        recent.add(value)
    assert recent.quantile(0.0) == 90
    assert recent.count == 100
    assert Recent().quantile(0.5, otherwise=7.0) == 7.0


def test_the_process_is_told_of_as_everywhere() -> None:
    text = Metrics().text([])
    assert float(re.search("^process_cpu_seconds_total (.*)$", text, re.M)[1]) > 0  # type: ignore[index]
    if "process_open_fds" in text:
        assert float(re.search("^process_resident_memory_bytes (.*)$", text, re.M)[1]) > 1e7  # type: ignore[index]
