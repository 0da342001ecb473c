"""The main job in memory, and certification on worlds whose truth is known."""
