"""Values out of words: dates, money, quantities, order numbers, addresses, sizes and colours, as Duckling writes them."""
