"""The dispatch engine on whole days of the Meal Delivery Routing Problem, beside what others have published."""
