"""The business of carrying: riders and deliveries as pure values, decided without I/O, clock or chance."""
