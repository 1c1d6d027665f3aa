"""Signing keys, made once per process: an RSA key takes tens of milliseconds, and there are many worlds."""

from functools import cache

from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc.jwk import OKPKey, RSAKey


@cache
def rsa_key(ordinal: int) -> RSAKey:
    """The process's RSA key of that number, 2048 bits, without a `kid`, which the caller adds."""
    del ordinal  # only the key of the cache
    return RSAKey.import_key(rsa.generate_private_key(public_exponent=65537, key_size=2048))


def new_key(algorithm: str, ordinal: int) -> RSAKey | OKPKey:
    """The key of that number for an algorithm: `EdDSA` (Ed25519), or one of RSA's."""
    return OKPKey.generate_key("Ed25519") if algorithm == "EdDSA" else rsa_key(ordinal)
