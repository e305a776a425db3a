"""`make bench-orders`: whole lives of orders through the gateway, beside a stock nameko service with SQLAlchemy."""
