"""One file is one registered network. Files here hold specs only and never import torch."""
