"""A rider: who, with which skills, on shift until when, and what is in hand."""
