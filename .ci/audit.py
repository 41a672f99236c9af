"""Known vulnerabilities of what is installed beside this Python, by pip-audit.

pip-audit gets an environment of its own, so that it changes nothing that it looks at. Exit code 1
when something is found; without a network it says that it did not run, and is content.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

INSTALL_WITHIN_S, LOOK_WITHIN_S = 60, 60
_PIP = ("-m", "pip", "--disable-pip-version-check")


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        try:
            found = _look(Path(folder))
        except (subprocess.SubprocessError, ValueError, OSError) as error:
            return _say(f"did not run, pip-audit can not work here ({type(error).__name__})")
    audited = [package for package in found if "skip_reason" not in package]
    if not audited:
        return _say(f"did not run, none of {len(found)} packages could be looked up")
    for package in audited:
        for hole in package["vulns"]:
            mended = ", ".join(hole["fix_versions"]) or "no release yet"
            _say(f"{package['name']} {package['version']}: {hole['id']}, mended in {mended}")
    holes = sum(len(package["vulns"]) for package in audited)
    _say(f"{len(audited)} of {len(found)} packages looked up, {holes} known vulnerabilities")
    return 1 if holes else 0


def _look(folder: Path) -> list[dict[str, object]]:
    """pip-audit's report of every package installed here."""
    installed = subprocess.run(
        [sys.executable, *_PIP, "list", "--format", "freeze", "--exclude-editable"],
        check=True, capture_output=True, text=True, timeout=INSTALL_WITHIN_S,
    ).stdout  # fmt: skip
    wanted = folder / "installed"
    # A local version such as torch's +cpu is in no index.
    wanted.write_text(re.sub(r"^avatar-engine==.*\n|\+[\w.]+$", "", installed, flags=re.MULTILINE))
    venv.create(folder / "venv", with_pip=True)
    python = folder / "venv" / "bin" / "python"
    subprocess.run(
        [python, *_PIP, "--retries", "0", "--timeout", "10", "install", "pip-audit>=2.7"],
        check=True, capture_output=True, timeout=INSTALL_WITHIN_S,
    )  # fmt: skip
    report = subprocess.run(
        [python, "-m", "pip_audit", "--requirement", wanted, "--no-deps", "--disable-pip",
         "--format", "json", "--progress-spinner", "off", "--timeout", "5"],
        check=False, capture_output=True, text=True, timeout=LOOK_WITHIN_S,
    )  # fmt: skip
    packages: list[dict[str, object]] = json.loads(report.stdout)["dependencies"]
    return packages


def _say(text: str) -> int:
    sys.stdout.write(f"audit: {text}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
