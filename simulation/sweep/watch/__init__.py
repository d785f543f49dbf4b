"""How often does the watch cry wolf, and how soon does it see a wolf?"""
