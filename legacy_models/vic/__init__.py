"""VIC 5 (classic driver) as a legacy model: file formats, sub-daily forcing, adapter, embedded program."""
