"""Artifacts on phones: claiming one, the ways to run an artifact there, and what comes back."""
