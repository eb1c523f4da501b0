# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The bytes of a page's answer, its tokens and its event, as `serving.answer`, `counting.tokens` and `counting.events`
write them; those say what stands where. Pure."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.string cimport memcpy, memset

from adengine.catalog.nouns import AtEnd
from adengine.counting import tokens
from adengine.counting.events import FILL as _FILL

cdef enum:
    BODY = 68
    MAC = 16
    RAW = 84
    CHARS = 112
    HEAD = 37

assert (tokens.BODY_BYTES, tokens.MAC_BYTES, tokens.CHARS) == (BODY, MAC, CHARS)
cdef int VERSION = tokens.VERSION
cdef int WINDOW_S = tokens.LEASE_WINDOW_S, BIAS = tokens.LEASE_BIAS, CODES = tokens.LEASE_CODES
cdef int HELD = tokens.HELD, BRIEF = tokens.BRIEF
cdef int NO_VARIANT = 15
cdef unsigned char FILL = _FILL
cdef int KINDS[3]
KINDS[0], KINDS[1], KINDS[2] = (int(kind) for kind in tokens.Kind)
cdef const unsigned char* LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_MODELS = {model: number for number, model in enumerate(tokens.PRICE_MODELS)}


cdef class Spelled:
    """What a candidate's line says on every page, out of a `Shown` and a `Card`."""

    def __cinit__(self, shown, card, pieces):
        flight, creative = shown.flight, shown.creative
        self.shown = shown
        self.event = shown.event
        self.pieces = pieces
        self.size = sum(map(len, pieces))
        self.slot, self.flight, self.creative = shown.slot.id, flight.id, creative.id
        self.version, self.tier, self.variant = creative.version, int(flight.tier), shown.variant
        self.is_logged, self.is_budgeted = card.logged, card.budgeted
        self.is_house = card.house

    cdef int price_at(self, unsigned int now_s) except -1:
        """Fills in `model` and `micros`."""
        if self.is_priced:
            return 0
        flight = self.shown.flight
        price = flight.price_at(now_s)
        self.model, self.micros = _MODELS[price.model], price.micros
        self.is_priced = flight.at_end is not AtEnd.MAKEGOOD  # else it becomes another one
        return 0


cdef class Signer:
    """A `TokenMinter`'s key."""

    def __cinit__(self, minter):
        self.keyed = minter.keyed
        self.kid = minter.kid

    cdef int sign(self, unsigned char* body, unsigned char* mac) except -1:
        cdef object keyed = self.keyed.copy()
        cdef bytes digest
        keyed.update(PyBytes_FromStringAndSize(<char*> body, BODY))
        digest = keyed.digest()
        memcpy(mac, PyBytes_AS_STRING(digest), MAC)
        return 0


cdef class Line:
    pass


cdef inline unsigned char* u8(unsigned char* at, unsigned int value):
    at[0] = <unsigned char> value
    return at + 1


cdef inline unsigned char* u16(unsigned char* at, unsigned int value):
    at[0], at[1] = <unsigned char> (value >> 8), <unsigned char> value
    return at + 2


cdef inline unsigned char* u32(unsigned char* at, unsigned int value):
    at[0], at[1] = <unsigned char> (value >> 24), <unsigned char> (value >> 16)
    at[2], at[3] = <unsigned char> (value >> 8), <unsigned char> value
    return at + 4


cdef inline unsigned char* raw(unsigned char* at, const void* what, Py_ssize_t size):
    memcpy(at, what, size)
    return at + size


cdef int _tail(unsigned char* at, Line line, int pick, Stamp* stamp, unsigned char kid) except -1:
    """All of a token's body but its first byte, as `tokens._packed_tail`."""
    cdef Spelled spelled = line.spelled
    cdef long long lease = 0
    cdef unsigned int further = stamp.refresh >> 1 << 3 | stamp.device
    spelled.price_at(stamp.issued_s)
    if line.leased >= 0:
        lease = stamp.issued_s // WINDOW_S - line.leased + BIAS
        if not 0 < lease <= CODES:
            lease = 0
    at = u8(at, kid)
    at = u8(at, pick << 4 | (HELD if line.held else 0) | (BRIEF if line.brief else 0) | (stamp.refresh & 1) << 3)
    at = u8(at, <unsigned int> lease >> 2 << 6 | spelled.tier << 4 | (<unsigned int> lease & 3) << 2 | spelled.model)
    at = u32(at, stamp.issued_s)
    at = raw(at, stamp.request, 16)
    at = u32(at, stamp.site)
    at = u32(at, spelled.slot)
    at = u32(at, spelled.flight)
    at = u32(at, spelled.creative)
    at = u16(at, spelled.version)
    at = u8(at, further << 4 | spelled.variant & NO_VARIANT if further else spelled.variant)
    at = u32(at, stamp.place)
    at = u32(at, stamp.topic)
    at = u8(at, <unsigned int> (spelled.micros >> 32))
    at = u32(at, <unsigned int> (spelled.micros & 0xFFFFFFFF))
    at = raw(at, stamp.reader, 8)
    u32(at, stamp.view)
    return 0


cdef void _base64(const unsigned char* bits, char* text):
    """RAW bytes as CHARS letters that may stand in an address."""
    cdef int at
    cdef unsigned int three
    for at in range(RAW // 3):
        three = bits[3 * at] << 16 | bits[3 * at + 1] << 8 | bits[3 * at + 2]
        text[4 * at] = LETTERS[three >> 18]
        text[4 * at + 1] = LETTERS[three >> 12 & 63]
        text[4 * at + 2] = LETTERS[three >> 6 & 63]
        text[4 * at + 3] = LETTERS[three & 63]


cdef inline char* put(char* at, bytes what):
    memcpy(at, PyBytes_AS_STRING(what), PyBytes_GET_SIZE(what))
    return at + PyBytes_GET_SIZE(what)


cdef inline char* letters(char* at, const char* token):
    memcpy(at, token, CHARS)
    return at + CHARS


cdef char* _line(char* at, Line line, int pick, Stamp* stamp, Signer signer) except NULL:
    """As `answer.Lines.filled`, `HOLES` in their order."""
    cdef unsigned char[RAW] body
    cdef char[3][CHARS] token
    cdef tuple pieces = line.spelled.pieces
    cdef int kind
    _tail(body + 1, line, pick, stamp, signer.kid)
    for kind in range(3):
        body[0] = VERSION << 4 | KINDS[kind]
        signer.sign(body, body + BODY)
        _base64(body, token[kind])
    at = put(at, <bytes> pieces[0])
    at = put(put(at, line.id), <bytes> pieces[1])
    at = put(put(at, line.reason), <bytes> pieces[2])
    at = put(letters(at, token[2]), <bytes> pieces[3])
    at = put(letters(at, token[0]), <bytes> pieces[4])
    at = put(letters(at, token[2]), <bytes> pieces[5])
    at = put(letters(at, token[0]), <bytes> pieces[6])
    at = put(letters(at, token[1]), <bytes> pieces[7])
    return put(put(at, line.expires), <bytes> pieces[8])


cdef bytes page_of(bytes head, list lines, Stamp* stamp, Signer signer):
    """The JSON of the whole answer.  head: up to the first line."""
    cdef Py_ssize_t size = len(head) + len(lines) - 1 + 2
    cdef Line line
    cdef bytes found
    cdef char* at
    cdef int pick
    for line in lines:
        if line.spelled is None:
            size += len(line.ready)
        else:
            size += line.spelled.size + 5 * CHARS + len(line.id) + len(line.reason) + len(line.expires)
    found = PyBytes_FromStringAndSize(NULL, size)
    at = put(PyBytes_AS_STRING(found), head)
    for pick in range(len(lines)):
        line = <Line> lines[pick]
        if pick:
            at[0] = b","
            at += 1
        at = put(at, line.ready) if line.spelled is None else _line(at, line, pick, stamp, signer)
    at[0], at[1] = b"]", b"}"
    assert at + 2 == PyBytes_AS_STRING(found) + size
    return found


cdef bytes event_of(Stamp* stamp, list events):
    """As `events.fill_event`, where no cap refused anybody.  events: as `events.slot_bytes`."""
    cdef Py_ssize_t size = HEAD
    cdef bytes event, found
    cdef unsigned char* at
    for event in events:
        size += len(event)
    found = PyBytes_FromStringAndSize(NULL, size)
    at = <unsigned char*> PyBytes_AS_STRING(found)
    at = u8(at, FILL)
    at = raw(at, stamp.request, 16)
    at = u32(at, stamp.issued_s)
    at = u32(at, stamp.site)
    at = u32(at, stamp.place)
    at = u32(at, stamp.topic)
    at = u8(at, stamp.refresh << 4 | stamp.device)
    at = u8(at, <unsigned int> len(events))
    at = u16(at, 0)
    for event in events:
        at = raw(at, PyBytes_AS_STRING(event), PyBytes_GET_SIZE(event))
    return found
