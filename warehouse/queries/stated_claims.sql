-- Claims where no feed is loaded: growth is estimated from vintages of feeds alone.
SELECT * FROM core_stated_claim
