"""Names for a clan: from zone spec to answers on port 5353."""
