"""The wheel in blank environments, put into a fresh Oscar shop by the words of our pages.

``make trial`` runs it: for each Python a new virtual environment, a new Oscar project, then the
blocks of README or quickstart as they stand, and in the end an order that the fake eSputnik holds.
"""
