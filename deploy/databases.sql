-- Run once by the database's container, beside the ledger's own database.
CREATE DATABASE mlflow;
CREATE DATABASE prefect;
