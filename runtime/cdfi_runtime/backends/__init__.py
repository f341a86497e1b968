"""One file is one runtime. Files here import their library only when an artifact is opened."""
