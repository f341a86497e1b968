"""Ways to run an artifact on a phone: one file each, registering a ``WaySpec``."""
