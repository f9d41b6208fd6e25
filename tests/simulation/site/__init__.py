"""The site that is simulated: notes of some people, with the registration of a usual site."""
