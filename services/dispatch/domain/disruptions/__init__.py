"""What hinders riders for a while: jams, closed roads, weather; each a fact with an area and an end."""
