"""Policies as data: the figures of dispatch by place and time of the day, in versions that operators activate."""
