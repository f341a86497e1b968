"""One file is one registered export format. Files here import heavy libraries inside functions."""
