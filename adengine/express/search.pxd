cdef bint seat(list slates, list weights, long long* chosen) except -1
