"""The database under records and customers: opening it, its tables, its versions, what its columns take."""
