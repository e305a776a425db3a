"""A city of people who use the platform through its gateways only: the demo, and the load of the tests."""
