"""The ids of a run's trace (OpenTelemetry; W3C Trace Context): made from what its processes share, so that none tells another."""

from hashlib import sha256


def trace_id(key: str) -> str:
    """32 hexadecimal digits, from the key of a run. They do not tell the key."""
    return sha256(f"trace {key}".encode()).hexdigest()[:32]


def span_id(trace: str, of: str | int) -> str:
    """16 hexadecimal digits: of the exchange with that number, or of a check, a stage or the run."""
    return sha256(f"{trace} {of}".encode()).hexdigest()[:16]


def traceparent(trace: str, number: int) -> str:
    """The header that makes what the other side records a part of that exchange."""
    return f"00-{trace}-{span_id(trace, number)}-01"
