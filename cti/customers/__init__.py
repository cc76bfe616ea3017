"""Customers: who is calling, found by the ANI for the screen pop-up of step 8."""
