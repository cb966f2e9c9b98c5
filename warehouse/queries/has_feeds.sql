-- Whether any source but the catalogue is known at the chosen date.
SELECT count(*) > 0 FROM core_vintage WHERE source <> 'catalogue'
