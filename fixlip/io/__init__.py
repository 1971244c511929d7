"""Reading and writing of files and pictures."""
