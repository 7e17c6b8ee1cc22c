"""Networks: which are known, where their files are, fetched and checked.

``catalogue`` reads the table, ``store`` finds and verifies files, ``fetch`` gets them. Nothing
without a SHA-256 in the catalogue is ever loaded.
"""
