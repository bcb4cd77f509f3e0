"""What users' browsers tell: the script, its tag in the app's pages, and the address that it reports to."""
