# cython: language_level=3, boundscheck=False, wraparound=False
"""One question and the first bytes of its answer over a socket, for `store.wire`: without the interpreter's lock from
the first byte sent to the last received, so that other threads are let in once and not three times."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.exc cimport PyErr_CheckSignals, PyErr_SetFromErrno
from libc.string cimport memchr
from libc.errno cimport EAGAIN, EINTR, errno

cdef extern from "<sys/socket.h>" nogil:
    ssize_t send(int fd, const void* what, size_t size, int flags)
    ssize_t recv(int fd, void* into, size_t size, int flags)
    int MSG_NOSIGNAL

cdef extern from "<poll.h>" nogil:
    struct pollfd:
        int fd
        short events
        short revents
    int poll(pollfd* these, unsigned long count, int timeout_ms)
    short POLLIN
    short POLLOUT

cdef extern from "<time.h>" nogil:
    struct timespec:
        long tv_sec
        long tv_nsec
    int clock_gettime(int clock, timespec* now)
    int CLOCK_MONOTONIC


cdef enum:
    DONE = 0
    LATE = 1
    FAILED = 2
    DISTURBED = 3


cdef double _now_s() noexcept nogil:
    cdef timespec now
    clock_gettime(CLOCK_MONOTONIC, &now)
    return now.tv_sec + now.tv_nsec * 1e-9


cdef int _wait(int fd, short event, double deadline_s) noexcept nogil:
    cdef pollfd one
    cdef double left_s = deadline_s - _now_s()
    cdef int count
    one.fd, one.events, one.revents = fd, event, 0
    count = poll(&one, 1, <int> (left_s * 1000) + 1 if left_s > 0 else 0)
    if count < 0:
        return DISTURBED if errno == EINTR else FAILED
    return DONE if count else LATE


cdef int _send(int fd, const char* what, ssize_t size, ssize_t* sent, double deadline_s) noexcept nogil:
    cdef ssize_t count
    cdef int waited
    while sent[0] < size:
        count = send(fd, what + sent[0], size - sent[0], MSG_NOSIGNAL)
        if count >= 0:
            sent[0] += count
        elif errno == EAGAIN:
            waited = _wait(fd, POLLOUT, deadline_s)
            if waited != DONE:
                return waited
        else:
            return DISTURBED if errno == EINTR else FAILED
    return DONE


cdef int _receive(int fd, char* into, ssize_t size, ssize_t* received, double deadline_s) noexcept nogil:
    cdef int waited
    while True:
        waited = _wait(fd, POLLIN, deadline_s)
        if waited != DONE:
            return waited
        received[0] = recv(fd, into, size, 0)
        if received[0] >= 0:
            return DONE
        if errno != EAGAIN:
            return DISTURBED if errno == EINTR else FAILED


UNREAD = object()
"""In place of a reply: what was received must be read by another reader, see `Channel.received`."""


cdef class Channel:
    """A plain socket that does not block, for one thread."""
    cdef int fd
    cdef bytearray buffer
    cdef const char* begin
    cdef ssize_t size
    cdef readonly ssize_t count
    """Bytes that the last question brought back."""

    def __init__(self, int fd, ssize_t size):
        """size: most bytes that are received at once."""
        self.fd, self.size, self.buffer = fd, size, bytearray(size)
        self.begin = <const char*> <char*> self.buffer

    @property
    def received(self):
        """The bytes themselves."""
        return memoryview(self.buffer)[: self.count]

    def ask(self, bytes question, double deadline_s):
        """The reply, as `hiredis.Reader` has it; `UNREAD` where that is an error, or not all has come yet.

        deadline_s: on the clock of `time.monotonic`; an answer that is there already is read even past it. Raises
        `TimeoutError` or another `OSError`, also where the other end has closed.
        """
        cdef const char* what = PyBytes_AS_STRING(question)
        cdef const char* at = self.begin
        cdef ssize_t size = PyBytes_GET_SIZE(question), sent = 0
        cdef int outcome
        self.count = 0
        while True:
            with nogil:
                outcome = _send(self.fd, what, size, &sent, deadline_s)
                if outcome == DONE:
                    outcome = _receive(self.fd, <char*> self.begin, self.size, &self.count, deadline_s)
            if outcome == DONE:
                break
            if outcome == LATE:
                raise TimeoutError("timed out")
            if outcome == FAILED:
                PyErr_SetFromErrno(OSError)
            PyErr_CheckSignals()
        if self.count == 0:
            raise OSError("the server closed the connection")
        reply = _read(&at, self.begin + self.count, 0)
        return reply if at == self.begin + self.count else UNREAD


cdef object _read(const char** at, const char* end, int depth):
    """The value at `at`, which moves behind it; what cannot be read moves it beyond `end`."""
    cdef const char* line = at[0]
    cdef const char* stop
    cdef long long number = 0
    cdef bint minus = False
    cdef char kind
    cdef list found
    stop = <const char*> memchr(line, b'\r', end - line) if line < end else NULL
    if stop == NULL or stop + 2 > end or stop == line or depth > 2:
        at[0] = end + 1
        return None
    kind = line[0]
    at[0] = stop + 2
    if kind == b'+':
        return line[1:stop - line]
    line += 1
    if line < stop and line[0] == b'-':
        minus, line = True, line + 1
    if line == stop or stop - line > 18 or (kind != b':' and kind != b'$' and kind != b'*'):
        at[0] = end + 1
        return None
    while line < stop:
        number = number * 10 + (line[0] - 48)
        line += 1
    if kind == b':':
        return -number if minus else number
    if minus:
        return None
    if kind == b'$':
        if at[0] + number + 2 > end:
            at[0] = end + 1
            return None
        line = at[0]
        at[0] += number + 2
        return line[:number]
    found = []
    while number and at[0] <= end:
        found.append(_read(at, end, depth + 1))
        number -= 1
    return found
