"""Peers: networks of the same layers by other tools, trained and synthesized here."""
