"""Depthwise convolutions by DWC, of the extension ``depthwise``: windows of taps per step."""
