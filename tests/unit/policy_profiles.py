"""The profiles of Trustee by the type of their tokens, for tests of policies."""

from rendering.profiles import TRUSTEE as PROFILES

__all__ = ["EAR", "PROFILES", "SIMPLE", "VERSIONS"]

VERSIONS = tuple(PROFILES)
EAR = tuple(version for version, profile in PROFILES.items() if profile.token == "Ear")
SIMPLE = tuple(version for version, profile in PROFILES.items() if profile.token == "Simple")
