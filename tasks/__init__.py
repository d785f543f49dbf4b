"""One gate as one Prefect task: load, judge, record, return."""
