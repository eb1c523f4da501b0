cdef bint seat(list slates, list numbers, list weights, long long* chosen) except -1
