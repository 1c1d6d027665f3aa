"""Signing keys, made once per process: an RSA key takes tens of milliseconds, and worlds are many."""

from functools import cache

from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc.jwk import RSAKey


@cache
def rsa_key(ordinal: int) -> RSAKey:
    """The process's RSA key of that number, 2048 bits, without a `kid`: whoever uses it gives the names."""
    del ordinal  # the cache's key alone
    return RSAKey.import_key(rsa.generate_private_key(public_exponent=65537, key_size=2048))
