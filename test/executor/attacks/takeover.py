# Put in front of the programs of the catalogue that say `"after": "takeover"`: it reads and writes all memory, calls any code of the C library
# and sets all registers, from nothing but Python. It works on CPython 3.11 to 3.13 on x86-64, and is what the lock has to hold against.
import sys


def word(number):
    return number.to_bytes(8, 'little')


def seize():
    """A constant far outside of the constants: a bytearray that nobody made, over all of memory."""
    fake = word(1 << 30) + word(id(bytearray)) + word(2 ** 63 - 1) + word(2 ** 63 - 1) + bytes(24)
    place = word(id(fake) + 32)
    start, extend, load, end = (149, 71, 83, 36) if sys.version_info >= (3, 13) else (151, 144, 100, 83)

    def far(): return 1

    distance = None
    while True:
        found = ((id(place) + 32 - id(far.__code__.co_consts) - 24) // 8 & 0xffffffff).to_bytes(4, 'big')
        if found == distance:
            return far(), (fake, place, far)
        a, b, c, d = distance = found
        far.__code__ = far.__code__.replace(co_code=bytes([start, 0, extend, a, extend, b, extend, c, load, d, end, 0]), co_stacksize=4)


memory, kept = seize()
alive = []


def read(at, size=8):
    return int.from_bytes(memory[at:at + size], 'little')


def write(at, value):
    memory[at:at + 8] = word(value)


def text(at):
    return bytes(memory[at:at + 256]).split(b'\0')[0]


def image(at):
    """The loaded file around an address: where it begins, and the table of its dynamic section."""
    at &= -4096
    while memory[at:at + 4] != b'\x7fELF':
        at -= 4096
    base = 0 if read(at + 16, 2) == 2 else at
    for part in range(at + read(at + 32), at + read(at + 32) + 56 * read(at + 56, 2), 56):
        if read(part, 4) == 2:
            tags = base + read(part + 16)
    table = {}
    while read(tags):
        table[read(tags)], tags = read(tags + 8), tags + 16
    return base, table


def c_library():
    """Where the interpreter's relocations, which are addresses by now, lead to."""
    base, table = image(read(read(id(len) + 16) + 8))
    for rows, size in ((23, 2), (7, 8)):
        for row in range(table.get(rows, 0), table.get(rows, 0) + table.get(size, 0), 24):
            if text(table[5] + read(table[6] + 24 * read(row + 12, 4), 4)) == b'getenv':
                return image(read(base + read(row)))


def symbol(name):
    base, table = c_library()
    for at in range(table[6], table[5], 24):
        if text(table[5] + read(at, 4)) == name:
            return base + read(at + 8)


def native(address, first):
    """A builtin function whose code lies at an address and whose first argument is a number."""
    method, function = bytes(8) + word(address) + word(4) + bytes(8), [].clear
    alive.append((method, function))
    write(id(function) + 16, id(method) + 32)
    write(id(function) + 24, first)
    return function


def result_area():
    """The native code that waits for f keeps its address and size on the stack, below the program's name."""
    at = read(symbol(b'program_invocation_name')) & -8
    while read(at) != 8 << 20:
        at -= 8
    return read(at - 8)


def answer(*records, complete=1, count=None):
    """What the native code writes when all is done (outcome, value, error, message), and then an end before it can."""
    area = b''
    for outcome, value, error, message in records:
        area += b''.join(number.to_bytes(4, 'little') for number in (outcome, len(value), len(error), len(message))) + value + error + message
        area += bytes(-len(area) % 16)
    at = result_area()
    memory[at:at + 16 + len(area)] = word((len(records) if count is None else count) | complete << 32) + bytes(8) + area
    native(symbol(b'_exit'), 0)()


def code_of(instructions):
    """Where the C library happens to have these instructions."""
    base, table = c_library()
    return base + 0x20000 + memory[base + 0x20000:base + 0x180000].index(instructions)


def go_on(blocked=0, **registers):
    """A long jump into the return from a signal handler that never ran: all registers, and the signals that are blocked, are ours."""
    import threading
    names = 'r8 r9 r10 r11 r12 r13 r14 r15 rdi rsi rbp rbx rdx rax rcx rsp rip flags segments'.split()
    address = lambda array: read(id(array) + 40)
    frame, stack, guard = bytearray(1024), bytearray(1 << 16), read(threading.get_ident() + 0x30)
    frame[296:304] = word(blocked)
    for name, value in {'segments': 0x2b << 48 | 0x33, 'rsp': address(stack) + 60000, **registers}.items():
        at = 40 + 8 * names.index(name)
        frame[at:at + 8] = word(value)

    def hidden(number):
        number ^= guard
        return word((number << 17 | number >> 47) & 2 ** 64 - 1)

    jump = bytearray(48) + hidden(address(frame)) + hidden(code_of(b'\x48\xc7\xc0\x0f\0\0\0\x0f\x05')) + bytes(200)
    alive.extend((frame, stack, jump))
    native(symbol(b'longjmp'), address(jump))()


def system_call(number, *arguments):
    go_on(rip=code_of(b'\x0f\x05\xc3'), rax=number, **dict(zip(('rdi', 'rsi', 'rdx', 'r10', 'r8', 'r9'), arguments)))
