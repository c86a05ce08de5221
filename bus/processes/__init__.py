"""Worker processes: both ends of the line between the axis and its workers."""
