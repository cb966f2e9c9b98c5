SELECT * FROM out_claims
