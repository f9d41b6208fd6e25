"""A stand-in for a site with pictures, good ones and traps, for texts that show pictures by their address."""
