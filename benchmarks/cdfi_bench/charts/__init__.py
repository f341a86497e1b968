"""Charts of a report's pages as plain data: places in percent, for templates to draw."""
