"""Product feeds: settings, builds, what is wrong with which product."""
