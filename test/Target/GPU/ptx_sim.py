"""Runs PTX that Weft emits, without a GPU, and checks every access.

All threads of a block go through one instruction at a time, those with the
lowest program counter first; values are numpy arrays with one element a thread.
An error is raised for an access outside the arguments' memory or outside shared
memory, a misaligned one, a read of memory that nobody wrote, two threads that
touch the same byte without a barrier in between (one of them writing), a barrier
that some threads miss, and an instruction that is not known here.

The approximate instructions are computed exactly; nothing else is assumed about
the hardware. Blocks run one after another, but accesses to global memory of
different blocks must not conflict either.
"""

import re

import numpy as np

TYPES = {
    "pred": np.bool_, "b8": np.uint8, "u8": np.uint8, "s8": np.int8,
    "b16": np.uint16, "u16": np.uint16, "s16": np.int16,
    "b32": np.uint32, "u32": np.uint32, "s32": np.int32, "f32": np.float32,
    "b64": np.uint64, "u64": np.uint64, "s64": np.int64, "f64": np.float64,
}
SHARED_BASE = 0x7000_0000_0000
GLOBAL_BASE = 0x10_0000_0000
SPECIAL = re.compile(r"%(tid|ntid|ctaid|nctaid)\.x$")


class SimulationError(Exception):
    pass


class Memory:
    """Bytes with, for each of them, who wrote and who read it last."""

    def __init__(self, name, base, data, written):
        self.name, self.base, self.data = name, base, data
        self.ranges = [(0, len(data))]
        self.written = np.full(len(data), written)
        self.writer, self.write_time, self.reader, self.read_time = np.full((4, len(data)), -1)

    def offsets(self, address, size, where):
        offset = address.astype(np.int64) - self.base
        if (offset % size).any():
            raise SimulationError(f"{where}: misaligned access to {self.name} "
                                  f"memory, {size} bytes at {offset[offset % size != 0][0]}")
        inside = np.zeros(len(offset), bool)
        for begin, end in self.ranges:
            inside |= (offset >= begin) & (offset + size <= end)
        if not inside.all():
            raise SimulationError(f"{where}: {size} bytes at {offset[~inside][0]} "
                                  f"are outside {self.name} memory")
        return offset

    def touch(self, offset, size, thread, time, write, where):
        """Records an access and raises where it races with an earlier one.
        `thread` counts over all blocks, `time` over all barriers; reader -2
        stands for several."""
        at = (offset[:, None] + np.arange(size)).ravel()
        who = np.repeat(thread, size)

        def conflict(other, when):
            other_block = (other[at] >= 0) & (other[at] // 1024 != who // 1024)
            return (when[at] >= 0) & ((when[at] == time) | other_block) & (other[at] != who)

        bad = conflict(self.writer, self.write_time)
        if write:
            bad |= conflict(self.reader, self.read_time)
            unique, counts = np.unique(at, return_counts=True)
            if (counts > 1).any():
                raise SimulationError(f"{where}: two threads write byte {unique[counts > 1][0]} "
                                      f"of {self.name} memory at once")
        if bad.any():
            raise SimulationError(f"{where}: race on byte {at[bad][0]} of {self.name} memory, "
                                  f"thread {who[bad][0] % 1024}")
        if write:
            self.writer[at], self.write_time[at], self.written[at] = who, time, True
            return
        if not self.written[at].all():
            raise SimulationError(f"{where}: byte {at[~self.written[at]][0]} of {self.name} memory "
                                  "is read and was never written")
        order = np.argsort(at, kind="stable")
        byte, first, counts = np.unique(at[order], return_index=True, return_counts=True)
        lone = np.where(counts == 1, who[order][first], -2)
        again = (self.read_time[byte] == time) & (self.reader[byte] != lone)
        self.reader[byte], self.read_time[byte] = np.where(again, -2, lone), time

    def load(self, offset, dtype):
        size = np.dtype(dtype).itemsize
        return self.data[offset[:, None] + np.arange(size)].view(dtype).ravel()

    def store(self, offset, value):
        size = value.dtype.itemsize
        self.data[offset[:, None] + np.arange(size)] = \
            np.ascontiguousarray(value).view(np.uint8).reshape(-1, size)


class Kernel:
    """One entry of a PTX file: its parameters, shared memory and instructions."""

    def __init__(self, text, name):
        text = re.sub(r"/\*.*?\*/|//[^\n]*", "", text, flags=re.S)
        entry = re.search(rf"\.entry\s+{name}\s*\((.*?)\)(.*?)\{{", text, re.S)
        if not entry:
            raise SimulationError(f"no entry {name}")
        self.params = re.findall(r"\.param\s+\.(\w+)[^,]*?(\w+)\s*(?:,|$)", entry[1].strip())
        self.shared, self.shared_bytes, self.labels, self.code = {}, 0, {}, []
        body = text[entry.end():text.index("\n}", entry.end())]
        for statement in re.split(r";|(?<=:)\s", body):
            self.parse(" ".join(statement.split()))

    def parse(self, text):
        text = text.lstrip("{} ")  # a scope of its own for a register
        if text.endswith(":"):
            self.labels[text[:-1]] = len(self.code)
        elif text.startswith(".shared"):
            align, kind, name, size = re.search(r"\.align (\d+) \.(\w+) ([\w$]+)(?:\[(\d+)\])?", text).groups()
            start = -(-self.shared_bytes // int(align)) * int(align)
            self.shared[name] = SHARED_BASE + start
            self.shared_bytes = start + int(size or 1) * np.dtype(TYPES[kind]).itemsize
        elif text and not text.startswith((".reg", ".pragma")):
            guard, opcode, rest = re.match(r"(?:@(!?%p\d+) )?(\S+) ?(.*)", text).groups()
            arguments = re.findall(r"\{[^}]*\}|\[[^\]]*\]|[^,\s][^,]*", rest)
            self.code.append((guard, opcode.split("."), [a.strip() for a in arguments], text))


ROUND = {"rni": np.rint, "rzi": np.trunc, "rmi": np.floor, "rpi": np.ceil}


def fused(a, b, c):
    """a * b + c in one rounding; f32 products are exact in long double."""
    wide = np.longdouble
    return (a.astype(wide) * b.astype(wide) + c.astype(wide)).astype(a.dtype)


def extremum(op, function, a, b):
    if "NaN" in op:
        result = function(a, b)  # maximum and minimum pass NaN on
    else:
        result = np.where(np.isnan(a), b, np.where(np.isnan(b), a, function(a, b))) \
            if a.dtype.kind == "f" else function(a, b)
    if a.dtype.kind == "f":  # -0 is below +0
        signs = np.stack([np.signbit(a), np.signbit(b)])
        negative = signs.any(axis=0) if function is np.minimum else signs.all(axis=0)
        result = np.where((a == 0) & (b == 0), np.where(negative, -0.0, 0.0), result)
    return result.astype(a.dtype)


def shift(op, a, count):
    bits = a.dtype.itemsize * 8
    count = count.astype(np.uint64)
    safe = np.minimum(count, bits - 1).astype(a.dtype)
    if op[0] == "shl":
        return np.where(count < bits, a << safe, 0).astype(a.dtype)
    fill = a >> safe
    return fill if a.dtype.kind == "i" else np.where(count < bits, fill, 0).astype(a.dtype)


def field(op, a, position, length):
    """Some bits of each value; signed types extend the topmost."""
    bits = a.dtype.itemsize * 8
    left = (bits - position - length).astype(a.dtype)
    return (a << left) >> (left + position.astype(a.dtype))


def quotient(op, a, b):
    """Division of integers truncates."""
    if a.dtype.kind == "f":
        return a / b
    result = np.abs(a) // np.abs(b)
    if a.dtype.kind == "i":
        result = np.where((a < 0) != (b < 0), -result, result)
    return a - result * b if op[0] == "rem" else result.astype(a.dtype)


def multiply(op, a, b, c=None):
    if a.dtype.kind == "f":
        return a * b if c is None else fused(a, b, c)
    if "wide" in op:
        wide = np.dtype(f"{a.dtype.kind}{a.dtype.itemsize * 2}")
        a, b = a.astype(wide), b.astype(wide)
    elif "hi" in op:
        bits = a.dtype.itemsize * 8
        product = a.astype(object) * b.astype(object) // (1 << bits)
        return np.array([int(p) & ((1 << bits) - 1) for p in product], np.uint64).astype(a.dtype)
    return a * b if c is None else a * b + c


COMPARE = {"eq": np.equal, "ne": np.not_equal, "lt": np.less, "le": np.less_equal,
           "gt": np.greater, "ge": np.greater_equal}


def compare(op, a, b):
    unordered = np.isnan(a) | np.isnan(b) if a.dtype.kind == "f" else np.zeros(len(a), bool)
    if op[1] in ("nan", "num"):
        return unordered if op[1] == "nan" else ~unordered
    result = COMPARE[op[1][:2]](a, b)  # three letters: holds for NaN too
    return result | unordered if len(op[1]) == 3 else result & ~unordered


ARITHMETIC = {
    "add": lambda op, a, b: a + b, "sub": lambda op, a, b: a - b,
    "mul": multiply, "mad": multiply, "fma": multiply,
    "bfe": field, "div": quotient, "rem": quotient, "setp": compare, "shl": shift, "shr": shift,
    "and": lambda op, a, b: a & b, "or": lambda op, a, b: a | b,
    "xor": lambda op, a, b: a ^ b, "not": lambda op, a: ~a,
    "neg": lambda op, a: -a, "abs": lambda op, a: np.abs(a),
    "max": lambda op, a, b: extremum(op, np.maximum, a, b),
    "min": lambda op, a, b: extremum(op, np.minimum, a, b),
    "copysign": lambda op, a, b: np.copysign(b, a),
    "sqrt": lambda op, a: np.sqrt(a), "rcp": lambda op, a: 1 / a,
}


class Block:
    """The threads of one block, from the first instruction to the last `ret`."""

    def __init__(self, launch, number):
        self.launch, self.kernel, self.number = launch, launch.kernel, number
        self.count = launch.threads
        self.thread = np.arange(self.count)
        self.shared = Memory("shared", SHARED_BASE, np.zeros(self.kernel.shared_bytes, np.uint8), False)
        self.registers, self.pc = {}, np.zeros(self.count, np.int64)
        self.alive, self.waiting = np.ones(self.count, bool), np.zeros(self.count, bool)

    def run(self):
        self.launch.time += 1  # no phase of this block is one of another
        while self.alive.any():
            ready = self.alive & ~self.waiting
            if not ready.any():
                if not self.alive.all() or np.ptp(self.pc):
                    raise SimulationError("not all threads have come to the same barrier")
                self.waiting[:] = False
                self.launch.time += 1
                continue
            at = self.pc[ready].min()
            self.step(self.kernel.code[at], ready & (self.pc == at), at)

    def value(self, text, dtype):
        """Value of an operand for all threads."""
        special = SPECIAL.match(text)
        if special:
            value = {"tid": self.thread, "ntid": self.count, "ctaid": self.number,
                     "nctaid": self.launch.grid}[special[1]]
            return np.broadcast_to(np.asarray(value, np.uint32), self.count).astype(dtype)
        if text.startswith("%"):
            if text not in self.registers:
                raise SimulationError(f"register {text} is read before it is written")
            held = self.registers[text]
            size = np.dtype(dtype).itemsize
            if held.dtype.itemsize != size:  # the low part, or zeros above
                held = held.astype(f"u{size}")
            return held.view(dtype)
        if text in self.kernel.shared:
            number = self.kernel.shared[text]
        elif text.startswith(("0f", "0d")):  # bits of a float
            bits = np.uint32 if text[1] == "f" else np.uint64
            return np.full(self.count, int(text[2:], 16), bits).view(dtype)
        else:
            number = int(text, 0)
            if np.dtype(dtype).kind in "iu":
                number = np.array(number & (2**64 - 1), np.uint64).astype(dtype)
        return np.full(self.count, number, dtype)

    def put(self, name, value, active):
        """Registers hold bits; which type they mean is the instruction's business."""
        if value.dtype.kind != "b":
            value = np.ascontiguousarray(value).view(f"u{value.dtype.itemsize}")
        old = self.registers.get(name)
        if old is None or old.dtype != value.dtype:
            old = np.zeros(self.count, value.dtype)
        self.registers[name] = np.where(active, value, old)

    def step(self, instruction, ready, at):
        guard, op, args, text = instruction
        active = ready
        if guard:
            truth = self.registers[guard.lstrip("!")]
            active = ready & (~truth if guard[0] == "!" else truth)
        where = f"block {self.number}: {text}"
        self.pc[ready] = at + 1
        name = op[0]
        if name == "bra":
            self.pc[active] = self.kernel.labels[args[0]]
        elif name == "ret":
            self.alive[active] = False
        elif name in ("bar", "barrier"):
            self.waiting |= active
        elif name in ("ld", "st"):
            self.access(op, args, active, where)
        elif name == "shfl":
            self.shuffle(op, args, active, where)
        elif name == "mov" and "{" in text:
            self.regroup(args, active)
        elif active.any():
            self.put(args[0], self.compute(op, args[1:], where), active)

    def regroup(self, args, active):
        """Takes 64 bits apart, or puts them together, low half first."""
        parts = [p.strip() for p in "".join(args).split("}")[0].split("{")[1].split(",")]
        if args[0].startswith("{"):
            halves = self.value(args[1], np.uint64).view(np.uint32).reshape(-1, 2)
            for part, half in zip(parts, halves.T):
                self.put(part, half, active)
        else:
            halves = [self.value(part, np.uint32) for part in parts]
            self.put(args[0], np.stack(halves, axis=1).view(np.uint64).ravel(), active)

    def compute(self, op, args, where):
        name, dtype = op[0], TYPES.get(op[-1])
        if name in ("mov", "cvta"):
            return self.value(args[0], dtype)
        if name == "selp":
            return np.where(self.value(args[2], np.bool_), self.value(args[0], dtype),
                            self.value(args[1], dtype))
        if name == "cvt":
            return self.convert(op, self.value(args[0], dtype))
        if name in ("shl", "shr"):
            return shift(op, self.value(args[0], dtype), self.value(args[1], np.uint32))
        if name not in ARITHMETIC or op[1] == "approx" or "ftz" in op:
            raise SimulationError(f"{where}: this instruction is not known")
        counts = (1, 2) if name == "bfe" else ()
        values = [self.value(a, np.int64 if i in counts else dtype) for i, a in enumerate(args)]
        if "wide" in op and name == "mad":
            wide = np.dtype(f"{values[0].dtype.kind}{values[0].dtype.itemsize * 2}")
            values[2] = self.value(args[2], wide)
        return ARITHMETIC[name](op, *values)

    @staticmethod
    def convert(op, value):
        target = np.dtype(TYPES[op[-2]])
        for mode in set(op[1:-2]) & ROUND.keys():
            value = ROUND[mode](value)
        if value.dtype.kind == "f" and target.kind in "iu":  # saturates, NaN is 0
            least, most = np.iinfo(target).min, np.iinfo(target).max
            high, low = value >= float(most), value <= float(least)
            plain = np.where(high | low | np.isnan(value), 0, value).astype(target)
            return np.where(high, most, np.where(low, least, plain)).astype(target)
        return value.astype(target)

    def access(self, op, args, active, where):
        space, dtype = op[1], np.dtype(TYPES[op[-1]])
        pointer, data = (args[1], args[0]) if op[0] == "ld" else args
        if space == "param":
            self.put(data, np.full(self.count, self.launch.param(pointer[1:-1], dtype)), active)
            return
        memory = {"shared": self.shared, "global": self.launch.memory}.get(space)
        if memory is None:
            raise SimulationError(f"{where}: this instruction is not known")
        if not active.any():
            return
        base, _, displacement = pointer[1:-1].partition("+")
        names = [n.strip() for n in data.strip("{}").split(",")]
        address = (self.value(base, np.int64) + int(displacement or "0"))[active]
        size = dtype.itemsize * len(names)
        offset = memory.offsets(address, size, where)
        thread = self.number * 1024 + self.thread[active]
        memory.touch(offset, size, thread, self.launch.time, op[0] == "st", where)
        for i, name in enumerate(names):
            if op[0] == "st":
                memory.store(offset + i * dtype.itemsize, self.value(name, dtype)[active])
            else:
                value = np.zeros(self.count, dtype)
                value[active] = memory.load(offset + i * dtype.itemsize, dtype)
                self.put(name, value.astype(np.int64) if dtype.kind == "i" else value, active)

    def shuffle(self, op, args, active, where):
        warps = active.reshape(-1, 32)
        if op[:3] != ["shfl", "sync", "bfly"] or (warps.any(axis=1) != warps.all(axis=1)).any():
            raise SimulationError(f"{where}: this instruction is not known, or part of a warp is elsewhere")
        partner = self.thread ^ self.value(args[2], np.int32)
        result, _, valid = args[0].partition("|")
        self.put(result, self.value(args[1], np.uint32)[partner], active)
        if valid:
            self.put(valid, np.ones(self.count, bool), active)


class Launch:
    """Runs all blocks of a kernel. `arguments` are numpy arrays, which are
    passed as pointers and changed in place, and integers or floats."""

    def __init__(self, text, name, grid, threads, arguments):
        self.kernel, self.grid, self.threads, self.time = Kernel(text, name), grid, threads, 0
        if len(arguments) != len(self.kernel.params):
            raise SimulationError(f"{name} takes {len(self.kernel.params)} parameters, "
                                  f"{len(arguments)} are given")
        arrays, ranges, size = [a for a in arguments if isinstance(a, np.ndarray)], [], 0
        for array in arrays:
            ranges.append((size, size + array.nbytes))
            size = -(-(size + array.nbytes) // 256) * 256 + 256
        self.memory = Memory("global", GLOBAL_BASE, np.zeros(size, np.uint8), True)
        self.memory.ranges = ranges
        for (begin, end), array in zip(ranges, arrays):
            self.memory.data[begin:end] = np.ascontiguousarray(array).view(np.uint8).ravel() \
                if array.size else np.zeros(0, np.uint8)
        places = iter(ranges)
        self.values = [next(places)[0] + GLOBAL_BASE if isinstance(a, np.ndarray) else a
                       for a in arguments]
        with np.errstate(all="ignore"):
            for number in range(grid):
                Block(self, number).run()
        for (begin, end), array in zip(ranges, arrays):
            array[...] = self.memory.data[begin:end].view(array.dtype).reshape(array.shape)

    def param(self, name, dtype):
        index = [p[1] for p in self.kernel.params].index(name)
        value = self.values[index]
        return np.asarray(value, np.float32 if isinstance(value, float) else np.int64) \
            .view(np.float32 if isinstance(value, float) else dtype).astype(dtype)
