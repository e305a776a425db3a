"""A city of people who use the platform through its gateways and nothing else: the demo, and the load of the tests."""
