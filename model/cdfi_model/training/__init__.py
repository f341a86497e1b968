"""Training: config, batches, losses, the loop. ``cdfi-model train CONFIG.toml|yaml``."""
