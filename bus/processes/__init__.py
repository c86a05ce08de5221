"""Child processes: commands of this program, and formats of other packages."""
