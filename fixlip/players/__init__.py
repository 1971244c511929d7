"""Players: who comes and goes, and where they are in the picture and in the caption."""
