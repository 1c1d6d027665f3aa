"""Which host names and addresses stay on this machine."""

import ipaddress


def is_loopback(host: str) -> bool:
    """Whether the host is in the loopback range, judged without a look-up (RFC 6761 6.3 for names)."""
    name = host.strip("[]").rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
