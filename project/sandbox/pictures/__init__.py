"""A stand-in for a site with pictures, valid and hostile ones, for texts that embed pictures by URL."""
