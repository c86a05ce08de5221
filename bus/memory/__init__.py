"""A broker and a store of attachments in memory, for the tests of agencies' own code.

The contract tests of the real ones run on them too.
"""
