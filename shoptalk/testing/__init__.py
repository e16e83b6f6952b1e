"""How well an assistant does on data it has not seen: figures, reports, pictures."""
