"""What reading and reporting cost, beside only parsing the same bytes."""
