"""Not Python."""

def find_city(name: str
