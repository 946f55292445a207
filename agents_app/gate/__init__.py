"""JUDGES: may this call, may this person, now. Every doubt means: do not run."""
