"""Is a broken feed told from a moved world?"""
