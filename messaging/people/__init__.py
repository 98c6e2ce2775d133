"""Say where people's data stands, and let people leave."""
