"""Provenance of a run: versions, dates, configuration and hashes, from the `run.json` of each stage."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

DEEPEST = 2  # folders below a stage's own whose files are listed one by one


def packages(runs: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return the versions of Python and packages that stages ran with: more than one where they differ."""
    versions: dict[str, list[str]] = {}
    for run in runs:
        python = run.get("machine", {}).get("python")
        for name, version in {"Python": python, **run.get("packages", {})}.items():
            versions.setdefault(name, []).append(str(version))
    return {name: ", ".join(dict.fromkeys(each)) for name, each in versions.items()}


def listed_hashes(run: Mapping[str, Any]) -> tuple[dict[str, str], int]:
    """Return the hashes of the files that a stage wrote, and how many more are in deeper folders."""
    near = {name: digest for name, digest in run["writes"].items() if name.count("/") <= DEEPEST}
    return near, len(run["writes"]) - len(near)


def flat(configuration: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested fields as a flat dictionary, `hls.backend` for a field of a field."""
    found: dict[str, Any] = {}
    for name, value in configuration.items():
        found |= flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value}
    return found


def dates(runs: Sequence[Mapping[str, Any]]) -> str:
    """Return the day of the runs, or the first and the last."""
    days = sorted({str(run.get("started", ""))[:10] for run in runs})
    return " to ".join(dict.fromkeys((_day(days[0]), _day(days[-1]))))


def _day(text: str) -> str:
    try:
        date = datetime.fromisoformat(text)
    except ValueError:
        return text
    return f"{date.day} {date:%B %Y}"


def moment(text: object) -> str:
    """Return a time in UTC to the minute, or text that is no time unchanged."""
    try:
        return f"{datetime.fromisoformat(str(text)).astimezone(UTC):%Y-%m-%d %H:%M}"
    except ValueError:
        return str(text)
