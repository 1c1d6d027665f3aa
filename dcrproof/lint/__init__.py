"""`dcrproof lint`: files that set Konnect up, held against the guide before they are applied.

`reading` makes nodes of YAML and JSON, `kongctl` and `terraform` make declared objects of them, `judging` holds these
against `dcrproof.core.rules`, and `output` writes what was found.
"""
