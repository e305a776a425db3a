"""The engine room: a picture of the world and a policy in, decisions with their reasons out. Pure."""
