"""What was published: networks, one protocol per figure or table, how each is drawn, and the data that it shows."""

from hetbrian.published.models.ca3 import ca3_network
from hetbrian.published.models.force import force_network, force_values
from hetbrian.published.models.reservoir import reservoir

__all__ = ["ca3_network", "force_network", "force_values", "reservoir"]
