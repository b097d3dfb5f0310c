"""The Azure subscription of a rehearsal: a description, and a provider that answers look-ups from it."""
