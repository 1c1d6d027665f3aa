"""Mock Curity, mock Konnect with its Dev Portal, and mock Kong gateway.

Each party is a package: a state core that does no I/O, and a thin HTTP layer over it. The mocks share no code with
the core of dcrproof: they are a second, independent reading of the same contract.
"""
