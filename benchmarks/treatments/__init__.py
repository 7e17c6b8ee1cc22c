"""One file for each family of treatments: synthetic damage with known truth, controls, cost."""
