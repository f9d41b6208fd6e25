"""The reference server of the AT Protocol, with the directory of its accounts, on this machine's loopback."""
