"""The documented workarounds: what is awkward to hand over, the refactored forms, and the pairs that compare them.

One module a group; each defines ``PAIRS``, and ``PAYLOADS`` for the forms that the catalogue does not have.
``python -m reports.write_pairs -o FOLDER`` measures all of them and reports.
"""
