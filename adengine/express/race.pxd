from adengine.express.gate cimport Gate, Rows

cdef enum:
    SLOTS_MAX = 16
    LONE_MAX = 24
    FOUND_MAX = 48
    CLASSES_MAX = 8
    DRAWN = 21
    DRAWS_A_SLOT = 7

cdef class Racer:
    cdef long long rank
    cdef double[::1] sums
    cdef int[::1] flights
    cdef Py_ssize_t count
    cdef double total, slope, height
    cdef object entrants
    cdef bint is_crowd
    cdef double worth(self, double time)

cdef class Slate:
    cdef list racers
    cdef object faced
    cdef Gate gate
    cdef Rows rows
    cdef unsigned long long seed
    cdef int slot
    # the draws of the class at hand
    cdef double[DRAWN] draws
    cdef int drawn, draws_there, block
    # the race of the class at hand
    cdef int at_class
    cdef Racer racer
    cdef double time, left
    cdef int arrived
    cdef double[LONE_MAX] begins
    cdef double[LONE_MAX] rates
    cdef Py_ssize_t[LONE_MAX] places
    cdef list rest
    cdef Py_ssize_t rest_at
    # who was found
    cdef int found
    cdef bint is_over
    cdef double[FOUND_MAX] worths
    cdef long long[FOUND_MAX] candidates
    cdef long long[FOUND_MAX] whose
    cdef int[FOUND_MAX] classes
    cdef double _draw(self) except? -1
    cdef bint _begin(self, int number) except -1
    cdef long long _next(self, double* time, double* lot) except -2
    cdef list _all_left(self)
    cdef bint reach(self, int place) except -1

cdef Racer racer_of(object entrants)
cdef list slates_of(list racers, Gate gate, list rows, object faced, unsigned long long seed)
