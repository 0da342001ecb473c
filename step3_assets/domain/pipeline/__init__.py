"""The main job in memory, and certification on synthetic worlds with a known true edge."""
