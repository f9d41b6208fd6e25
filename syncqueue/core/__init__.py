"""Plain Python at the bottom of the house: values, errors and rules, without Django and without Redis."""
