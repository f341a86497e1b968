"""One file is one stage of the check."""
