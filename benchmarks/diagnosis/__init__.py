"""How often the report names the right cause and the right condition, over incidents that were made."""
