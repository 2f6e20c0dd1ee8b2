-- The count of revocations, to be taken before PostgreSQL is read.
return ticket()
