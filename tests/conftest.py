"""For all suites: what runs on this machine is asked without the proxies that the developer's shell may name."""

import os

from callscribe_tools.proxies import bypass_for_loopback

bypass_for_loopback(os.environ)
