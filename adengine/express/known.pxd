cdef class Kind:
    cdef object rivals
    cdef list weights, places, ids, keys, rows
    cdef tuple taken
    cdef bint is_ordinary, is_logged
    cdef unsigned int site
    cdef list racers(self, object paced)

cdef class Spot:
    cdef Kind kind
    cdef object varying, cell
    cdef long long span
    cdef unsigned int place, topic
    cdef str timezone

cdef class Known:
    cdef object lines, settings, kept, snapshot, first, taxonomy, cells
    cdef dict spots, kinds, spelled, slots, picks, turns
    cdef bytes skipped
    cdef bint varies
    cdef tuple spanned
    cdef object generation, numbers
    cdef bint is_full
    cdef Spot spot(self, object asked, object key, object slots, long long now_s)
    cdef Spot _made(self, object asked, object setting, object slots, long long now_s, long long span, object varying)
    cdef Kind _kind(self, object site, object slots, object plan)
