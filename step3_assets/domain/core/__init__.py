"""What every stage uses: months, weeks, the exchange calendar, hashes, canonical frames."""
