"""All that goes to Redis goes through here: where Redis is, and the operations on documents."""
