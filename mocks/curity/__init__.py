"""A mock of the Curity Identity Server: one token profile with dynamic client registration."""
