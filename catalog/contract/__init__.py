"""The words that every part of the product shares, each said once.

Python imports them. Nginx, the page and the docs get them rendered (`python tools/render_contract.py`), SQL and Lua are
compared with them by tests (tests/policy/test_contract.py, tests/integration/catalog/test_contract.py).
"""
