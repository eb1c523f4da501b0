cdef class Spelled:
    cdef object shown
    cdef bytes event
    cdef tuple pieces
    cdef Py_ssize_t size
    cdef unsigned int slot, flight, creative
    cdef unsigned int version
    cdef unsigned char tier, variant, model
    cdef unsigned long long micros
    cdef bint is_priced
    cdef bint is_logged, is_budgeted, is_house
    cdef int price_at(self, unsigned int now_s) except -1

cdef class Signer:
    cdef object keyed
    cdef unsigned char kid
    cdef int sign(self, unsigned char* body, unsigned char* mac) except -1

cdef struct Stamp:
    unsigned int issued_s
    unsigned char request[16]
    unsigned int site
    unsigned int place
    unsigned int topic
    unsigned int view
    unsigned char reader[8]
    unsigned char device
    unsigned char refresh

cdef class Line:
    """One slot's answer: a line, or ready bytes."""
    cdef Spelled spelled
    cdef bytes ready, id, reason, expires
    cdef bint held, brief
    cdef long long leased

cdef bytes page_of(bytes head, list lines, Stamp* stamp, Signer signer)
cdef bytes event_of(Stamp* stamp, list events)
