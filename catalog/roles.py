"""The database roles, one for each unit; the system user of the same name signs in by peer authentication.

The postgres role of Ansible creates them before the first migration; migrations grant to them.
"""

OWNER = "kinetoscope-owner"
AUTHZ = "kinetoscope-authz"
API = "kinetoscope-api"
INDEXER = "kinetoscope-indexer"
LEDGER = "kinetoscope-ledger"
WORKER = "kinetoscope-worker"
EVENTS = "kinetoscope-events"

SERVICE_ROLES = (AUTHZ, API, INDEXER, LEDGER, WORKER, EVENTS)
