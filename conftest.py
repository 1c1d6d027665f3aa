"""The root of the checkout. Options, fixtures and verdicts come from the plugin, which pytest finds by its entry point."""

collect_ignore = ["dcrproof"]  # its links lead to folders that are collected where they stand
