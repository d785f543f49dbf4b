"""Seeded worlds by the thousand through the code of the gates: how often are they wrong?"""
