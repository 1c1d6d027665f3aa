"""The commands of dcrproof, a module each: `add(commands)` adds its options, `run` performs it.

A module imports what it needs only when the command runs.
"""
