"""What Trustee reads: configuration of KBS, reference values of RVPS, and the resources that it serves."""
