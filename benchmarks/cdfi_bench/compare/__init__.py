"""Two reports held against each other: what got worse, by gates that noise alone does not trip."""
