# cython: language_level=3, boundscheck=False, wraparound=False
"""The readers of `serving.quick`, the check of `web.json_strict` and the letters of `web.request_ids`, as machine code.
Pure; what they do is told there, and tests hold both to one answer."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.string cimport memchr

cdef int KNOWN_MAX = 4096
cdef double EXACT = 2.0 ** 53
cdef bytes CROCKFORD = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ"


cdef Py_ssize_t _pairs(object value) except -2:
    """How many pairs there are in a document; -1: it may not be what was sent."""
    cdef Py_ssize_t found = 0, inner
    cdef double number
    if type(value) is dict:
        found = len(<dict> value)
        for one in (<dict> value).values():
            inner = _pairs(one)
            if inner < 0:
                return -1
            found += inner
    elif type(value) is list:
        for one in <list> value:
            inner = _pairs(one)
            if inner < 0:
                return -1
            found += inner
    elif type(value) is float:
        number = value
        if not -EXACT < number < EXACT:
            return -1
    return found


def says_each_once(bytes body, value):
    """As `json_strict._says_each_once`; value: nested less deeply than the stack is."""
    cdef const char* begin = PyBytes_AS_STRING(body)
    cdef const char* end = begin + PyBytes_GET_SIZE(body)
    cdef const char* at = begin
    cdef Py_ssize_t colons = 0
    cdef char before
    while True:
        at = <const char*> memchr(at, b':', end - at)
        if at == NULL:
            break
        if at > begin:
            before = (at - 1)[0]
            if before == b' ' or before == b'\t' or before == b'\n' or before == b'\r':
                return False
            if before == b'"':
                colons += 1
        at += 1
    return _pairs(value) == colons


class Doubt(Exception):
    """Ask the form."""


cdef class Reader:
    cdef object read(self, object value):
        raise Doubt

    def __call__(self, value):
        return self.read(value)


cdef class _Text(Reader):
    cdef Py_ssize_t least
    cdef double most

    cdef object read(self, object value):
        if type(value) is not str or not self.least <= len(<str> value) <= self.most:
            raise Doubt
        return value


cdef class _List(Reader):
    cdef Reader inner
    cdef Py_ssize_t least
    cdef double most

    cdef object read(self, object value):
        cdef list found
        if type(value) is not list or not self.least <= len(<list> value) <= self.most:
            raise Doubt
        return [self.inner.read(one) for one in <list> value]


cdef class _Own(Reader):
    cdef object deserialize, mistake

    cdef object read(self, object value):
        try:
            return self.deserialize(value, None, None)
        except self.mistake as error:
            raise Doubt from error


cdef class _Form(Reader):
    cdef dict readers
    cdef list required
    cdef object make
    cdef dict known

    cdef object read(self, object value):
        cdef dict values = {}
        cdef object reader
        if type(value) is not dict:
            raise Doubt
        for name, given in (<dict> value).items():
            if given is not None:
                reader = self.readers.get(name)
                if reader is not None:
                    values[name] = (<Reader> reader).read(given)
        for name in self.required:
            if name not in values:
                raise Doubt
        if self.known is None:
            return self.make(values)
        said = tuple(values.items())
        found = self.known.get(said)
        if found is None:
            if len(self.known) >= KNOWN_MAX:
                self.known.clear()
            found = self.known[said] = self.make(values)
        return found


def text(least, most):
    cdef _Text made = _Text()
    made.least, made.most = least, most
    return made


def listed(Reader inner, least, most):
    cdef _List made = _List()
    made.inner, made.least, made.most = inner, least, most
    return made


def own(deserialize, mistake):
    cdef _Own made = _Own()
    made.deserialize, made.mistake = deserialize, mistake
    return made


def form(readers, required, make, is_remembered):
    cdef _Form made = _Form()
    made.readers, made.required, made.make = readers, required, make
    made.known = {} if is_remembered else None
    return made


def doubtful():
    return Reader()


def letters(bytes id_):
    """As `request_ids.text_of`; 16 bytes."""
    cdef char[26] text
    cdef const unsigned char* raw = id_
    cdef unsigned long long high = 0, low = 0
    cdef int at
    for at in range(8):
        high = high << 8 | raw[at]
        low = low << 8 | raw[at + 8]
    for at in range(25, -1, -1):
        text[at] = CROCKFORD[low & 31]
        low = low >> 5 | (high & 31) << 59
        high >>= 5
    return text[:26].decode("ascii")
