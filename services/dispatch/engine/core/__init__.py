"""The compiled heart of the engine: plain arrays in, plain arrays out."""
