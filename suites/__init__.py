"""The checks, one module for each stage of the flow, in its order. They do not know which party is live."""
