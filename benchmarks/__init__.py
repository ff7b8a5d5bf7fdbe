"""Programs that measure this project and its peers; nothing here is installed."""
