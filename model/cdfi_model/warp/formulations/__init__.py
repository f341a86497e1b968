"""One file is one registered formulation. Files here import torch inside functions only."""
