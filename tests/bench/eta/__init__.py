"""Expected times held against what came, in a simulated city."""
