"""Reads the function's log in CloudWatch: the reports of images, and Lambda's measurements of invocations."""

import json
from dataclasses import dataclass

from botocore.exceptions import ClientError

from .deployment import Deployment


@dataclass(frozen=True)
class Conversion:
    """An image that the function converted, and the invocation that converted it. Times are in milliseconds, memory in MiB."""

    key: str
    report: dict
    peak_memory: int
    duration: float


@dataclass(frozen=True)
class Log:
    """`invocations` contains the platform.report records. `library` is the codec and its version."""

    lines: list[str]
    invocations: list[dict]
    conversions: list[Conversion]
    library: str


def read_log(deployment: Deployment) -> Log:
    try:
        pages = deployment.logs.get_paginator("filter_log_events").paginate(logGroupName=f"/aws/lambda/{deployment.name}")
        lines = [event["message"].rstrip() for page in pages for event in page["events"]]
    except deployment.logs.exceptions.ResourceNotFoundException:
        lines = []
    entries = [entry for line in lines if isinstance(entry := parse(line), dict)]
    # The template sets the log format JSON, so Lambda logs platform.report instead of a text line that begins with REPORT.
    invocations = [entry["record"] for entry in entries if entry.get("type") == "platform.report"]
    durations = {record["requestId"]: record["metrics"]["durationMs"] for record in invocations}
    conversions = [
        Conversion(entry["report"]["job"]["source"]["at"]["key"], entry["report"], entry["peak_memory_mib"], durations[entry["request_id"]])
        for entry in entries
        if entry.get("report", {}).get("outcome") == "converted" and entry["request_id"] in durations
    ]
    return Log(lines, invocations, conversions, next((entry["library"] for entry in entries if "library" in entry), "unknown codec"))


def parse(line: str):
    """The JSON value of a line. None if the line is not JSON, for example a crash message."""
    try:
        return json.loads(line)
    except ValueError:
        return None


def format_last_lines(deployment: Deployment) -> str:
    try:
        lines = read_log(deployment).lines[-10:]
    except ClientError as error:
        return f"cannot read the log: {error}"
    return (
        "\n".join(["the last lines of the function's log:", *lines])
        if lines
        else "the function's log is empty: no event started the function"
    )
