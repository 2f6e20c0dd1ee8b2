"""What the interface takes and gives, a module for each topic.

The OpenAPI document is made from these classes, and input is checked by them.
"""
