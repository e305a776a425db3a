"""Every documented operation of every gateway, called with generated requests and held against its own document."""
