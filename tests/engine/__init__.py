"""The real engine against a rehearsal cluster: order, previews, replacement, resume, faults."""
