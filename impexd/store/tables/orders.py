"""Orders, deliveries, lines, their audit, and the eligibility flags."""
