"""Settings of all tests."""

from hypothesis import settings

# A busy machine must not fail a property: how long an example may take is no part of it.
settings.register_profile("default", deadline=None)
settings.load_profile("default")
