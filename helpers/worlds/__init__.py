"""Synthetic worlds: seeded images and text whose ground truth is known exactly.

Nothing in here knows about models. A world is what lets the course *measure*
things that are otherwise only shown.
"""
