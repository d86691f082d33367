#!/usr/bin/env python3
"""Verify a codeblue journal, or the proof of one event, without codeblue. Python 3.8 or newer, nothing else.

    verify.py JOURNAL [--key PUB]... [--checkpoints FILE|FOLDER]...      verify.py --proof FILE --key PUB...

JOURNAL is journal.db; `journal.checkpoints` and `keys/*.pub` beside it are used. --key names keys you got another way (then at least one
checkpoint must be signed by one of them), --checkpoints what was kept elsewhere. The formats are in docs/evidence.md."""
import base64, glob, hashlib, hmac, json, os, re, sqlite3, struct, sys

P, Q = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D, I = -121665 * pow(121666, P - 2, P) % P, pow(2, (P - 1) // 4, P)

def add(a, b):  # points of Ed25519 in extended coordinates, as in RFC 8032, section 5.1.4
    m, n, o, q = (a[1]-a[0])*(b[1]-b[0]), (a[1]+a[0])*(b[1]+b[0]), 2*a[3]*b[3]*D, 2*a[2]*b[2]
    e, f, g, h = n - m, q - o, q + o, n + m
    return e*f % P, g*h % P, f*g % P, e*h % P

def mul(k, a):
    r = (0, 1, 1, 0)
    while k:
        r, a, k = (add(r, a) if k & 1 else r), add(a, a), k >> 1
    return r

def point(b):
    y = int.from_bytes(b, "little") & (1 << 255) - 1
    xx = (y*y - 1) * pow(D*y*y + 1, P - 2, P) % P
    x = pow(xx, (P + 3) // 8, P)
    x = x if (x*x - xx) % P == 0 else x * I % P
    assert y < P and (x*x - xx) % P == 0, "no point"
    x = x if x & 1 == b[31] >> 7 else P - x
    return x, y, 1, x*y % P

BASE = point((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))

def ed25519(key, message, signature):
    s = int.from_bytes(signature[32:], "little")
    if len(signature) != 64 or s >= Q:
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % Q
    try:
        a, b = mul(s, BASE), add(point(signature[:32]), mul(h, point(key)))
    except AssertionError:
        return False
    return (a[0]*b[2] - b[0]*a[2]) % P == 0 and (a[1]*b[2] - b[1]*a[2]) % P == 0

def sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()

def key_of(path):
    try:
        blob = base64.b64decode(open(path, encoding="utf-8", errors="replace").read().split()[1], validate=True)
    except (ValueError, IndexError):
        blob = b""
    return blob[19:] if len(blob) == 51 and blob[:19] == b"\0\0\0\x0bssh-ed25519\0\0\0 " else None

def named_key(path):
    return key_of(path) or sys.exit(path + " is no Ed25519 public key as OpenSSH writes it")

def note(text):  # C2SP signed-note and tlog-checkpoint: (origin, size, root), the signed text, the signatures
    body, _, signed = text.partition("\n\n")
    origin, size, root = body.split("\n")[:3]
    if not re.fullmatch("0|[1-9][0-9]{0,19}", size):
        raise ValueError("no number of events")
    lines = [line.split(" ") for line in signed.splitlines()]
    if not lines or any(len(line) != 3 or line[0] != "—" for line in lines):
        raise ValueError("no signatures")
    decode = lambda text: base64.b64decode(text, validate=True)
    return (origin, int(size), decode(root)), (body + "\n").encode(), [(n, decode(s)) for _, n, s in lines]

def signed_by(keys, checkpoint, body, signatures):
    return any(name == checkpoint[0] and s[:4] == sha(name.encode(), b"\n\x01", key)[:4] and ed25519(key, body, s[4:])
               for name, s in signatures for key in keys)

def witnessed_by(keys, checkpoint, body, signatures):  # C2SP tlog-cosignature: the time stands before the signature
    return any(s[:4] == sha(name.encode(), b"\n\x04", key)[:4] and len(s) > 12
               and ed25519(key, b"cosignature/v1\ntime %d\n" % struct.unpack(">Q", s[4:12]) + body, s[12:])
               for name, s in signatures for key in keys)

def record(prev, seq, cause, *texts):  # the bytes whose hash is the event's hash
    texts = [text.encode(errors="surrogateescape") for text in texts]
    return b"codeblue journal v1\0" + prev + struct.pack(">QQ", seq, cause or 0) + b"".join(struct.pack(">Q", len(t)) + t for t in texts)

def grow(peaks, leaf):  # a binary counter of complete subtrees: [(leaves, hash)]
    peaks.append((1, leaf))
    while len(peaks) > 1 and peaks[-1][0] == peaks[-2][0]:
        (n, right), (_, left) = peaks.pop(), peaks.pop()
        peaks.append((2 * n, sha(b"\1", left, right)))

def root_of(peaks):
    root = peaks[-1][1] if peaks else sha(b"")
    for _, left in reversed(peaks[:-1]):
        root = sha(b"\1", left, root)
    return root

NO_TEXTS = {"platformLoaded"}  # what it holds may look like a reference and is none

class Bad(Exception):
    """(event, kind, what)"""

def texts_of(seq, body, secret, texts):  # the texts beside an event: how many belong to it, and whether they are there
    wanted = set(re.findall(r'\{"payload":"([0-9a-f]{64})"\}', body))
    if texts is None or wanted and not texts.strip(" "):
        return len(wanted), not wanted
    try:
        parts = [(path.encode(), text.encode(errors="surrogatepass")) for path, text in json.loads(texts).items()]
        codes = {hmac.new(secret, b"codeblue payload v1\0" + struct.pack(">QQ", seq, len(p)) + p + struct.pack(">Q", len(t)) + t,
                          "sha256").hexdigest() for p, t in parts}
        if wanted and len(secret) == 32 and len(codes) == len(parts) and codes == wanted:
            return len(wanted), True
    except (ValueError, AttributeError, TypeError):
        pass
    raise Bad(seq, "payload", "the text beside the event is not the one that was recorded")

def chain(journal, sizes):  # what the journal holds: events, hash and root at each of these sizes, and what became of the texts
    database = sqlite3.connect("file:" + os.path.abspath(journal) + "?mode=ro", uri=True)
    database.text_factory = lambda text: text.decode(errors="surrogateescape")
    beside = database.execute("SELECT 1 FROM sqlite_master WHERE name = 'payloads'").fetchone()
    rows = database.execute("SELECT seq, at, actor, cause, kind, body, prev, hash, secret, texts FROM %s ORDER BY seq" % (
        "events LEFT JOIN payloads USING (seq)" if beside else "(SELECT *, NULL secret, NULL texts FROM events)"))
    last, head, peaks, marks, gone, purged, present = 0, bytes(32), [], {}, {}, set(), 0
    for seq, at, actor, cause, kind, body, prev, stored, secret, texts in rows:
        if seq < 1:
            raise Bad(1, "edit", "something stands before the first event")
        if seq != last + 1:
            raise Bad(last + 1, "gap", "events are missing")
        try:
            same = stored == sha(record(prev, seq, cause, at, actor, kind, body))
        except (AttributeError, TypeError, struct.error):  # not even of the type that it was
            same = False
        if not same:
            raise Bad(seq, "edit", "the event was changed after it was recorded")
        if prev != head:
            raise Bad(seq, "rewritten", "the event does not follow the one before it")
        last, head = seq, stored
        grow(peaks, sha(b"\0", stored))
        if seq in sizes:
            marks[seq] = head, root_of(peaks)
        if kind == "payloadsPurged":
            purged.update(json.loads(body)["seqs"])
        number, there = texts_of(seq, "" if kind in NO_TEXTS else body, secret, texts)
        present += number * there
        if not there:
            gone[seq] = number
    for seq in gone:
        if seq not in purged:
            raise Bad(seq, "payload", "its text is gone, and no event says that it was purged")
    astray = beside and database.execute("SELECT min(seq) FROM payloads WHERE seq > ? OR seq < 1", (last,)).fetchone()[0]
    due = len([seq for seq in purged if beside and seq <= last and seq not in gone])
    return last, head, marks, astray, "%d texts, %d purged" % (present, sum(gone.values())) + (", %d still to be deleted" % due if due else "")

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")

def line_of(text):  # a line of a file of checkpoints: (size, chain hash, note or None)
    try:
        line = json.loads(text)
        seq, hash_, at, note = line["seq"], line["hash"], line["at"], line.get("note")
        if type(seq) is int and 0 <= seq < 2**63 and type(hash_) is str and TIME.fullmatch(at) and type(note) in (str, type(None)):
            return seq, hash_, note
    except (ValueError, KeyError, TypeError, AttributeError):
        pass
    return None

def held(path, own):  # checkpoints: [size, chain hash or None, note or None, is its signature looked at]
    text = open(path, encoding="utf-8", errors="replace").read()
    *whole, last = text.split("\n")
    lines = [line_of(line) for line in whole if not line.endswith(" unfinished")] + ([line_of(last)] if line_of(last) else [])
    if not own and not any(lines):
        try:
            return [(note(text)[0][1], None, text, True)]
        except (ValueError, IndexError):
            sys.exit(path + " holds no signed checkpoint")
    found, before = [], 1
    for line in lines:  # one that is none stands at the event of the one before it, and its note is spoilt
        found.append(line or (before, None, "spoilt"))
        before = max(found[-1][0], 1)
    first = next((number for number, line in enumerate(lines) if line and line[2] is not None), 0)
    return [(*one, len(found) - number <= 64 or number == first) for number, one in enumerate(found)]  # a newer signature covers all before

def journal(path, keys, elsewhere):
    own, strict = os.path.splitext(path)[0] + ".checkpoints", bool(keys)
    keys = keys or list(filter(None, map(key_of, glob.glob(os.path.join(os.path.dirname(path) or ".", "keys", "checkpoint*.pub")))))
    files = [own] if os.path.exists(own) else []
    for place in elsewhere:
        inside = [os.path.join(place, name) for name in sorted(os.listdir(place))] if os.path.isdir(place) else [place]
        files += [f for f in inside if not os.path.isdir(place) or f.endswith((".checkpoint", ".checkpoints"))]
    checkpoints, signed, read = [c for f in files for c in held(f, f == own)], 0, []
    if not os.path.exists(path) and checkpoints:
        raise Bad(1, "cut-tail", "the journal is gone, but a checkpoint saw event %d" % checkpoints[0][0])
    last, head, marks, astray, texts = chain(path, {size for size, *_ in checkpoints})
    for size, hash_, text, newest in checkpoints:
        try:
            read.append(None if text is None else note(text))
        except (ValueError, IndexError):
            read.append("spoilt")
    notes = [one for (_, _, _, newest), one in zip(checkpoints, read) if newest and one and one != "spoilt"]
    by_witnesses = all(any(witnessed_by([key], *one) for one in notes) for key in keys)  # then the others' signatures cannot be checked
    for (size, hash_, _, newest), one in zip(checkpoints, read):
        if one == "spoilt" or one and one[0][1] != size:
            raise Bad(size, "signature", "the checkpoint is spoilt")
        good = newest and one and (signed_by(keys, *one) or witnessed_by(keys, *one))
        if newest and one and not good and not by_witnesses:
            raise Bad(size, "signature", "the checkpoint was not signed by a key that is trusted")
        if size > last:
            raise Bad(last + 1, "cut-tail", "the journal ends at event %d, but a checkpoint saw event %d" % (last, size))
        if size not in marks:
            continue
        if hash_ is not None and hash_ != marks[size][0].hex() or one and one[0][2] != marks[size][1]:
            raise Bad(size, "rewritten", "these are not the events that a checkpoint saw")
        signed += bool(good)
    if astray is not None:
        raise Bad(max(astray, 1), "payload", "a text stands beside an event that is not there")
    if strict and not signed and last:
        raise Bad(1, "unsigned", "no checkpoint was signed by a key that was named")
    return "%d events, head %s, %d signed checkpoints, %s" % (last, head.hex(), signed, texts)

def proof(path, keys):  # C2SP tlog-proof, and the inclusion proof of RFC 9162, section 2.1.3.2
    head, _, text = open(path, encoding="utf-8").read().partition("\n\n")
    _, extra, index, *siblings = head.split("\n")
    extra, index = base64.b64decode(extra.split()[1]), int(index.split()[1])
    ends, end = [], 68  # where each of the four texts of the event ends; behind them the key and the texts beside it
    for _ in range(4):
        end += 8 + struct.unpack(">Q", extra[end:end + 8])[0]
        ends.append(end)
    event, beside = extra[:end], extra[end:]
    checkpoint, body, signatures = note(text)
    if not signed_by(keys, checkpoint, body, signatures):
        raise Bad(index + 1, "signature", "the checkpoint was not signed by a key that was named")
    place, last, node = index, checkpoint[1] - 1, sha(b"\0", sha(event))
    for sibling in map(base64.b64decode, siblings):
        if place & 1 or place == last:
            node = sha(b"\1", sibling, node)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            node = sha(b"\1", node, sibling)
        place, last = place >> 1, last >> 1
    if last or node != checkpoint[2] or struct.unpack(">Q", event[52:60])[0] != index + 1:
        raise Bad(index + 1, "rewritten", "the event is not in the journal that was signed")
    if beside:
        texts_of(index + 1, event[ends[2] + 8:].decode(errors="surrogateescape"), beside[:32], beside[32:].decode(errors="replace"))
    return "event %d of %s: %s" % (index + 1, checkpoint[0], (event[68:] + beside[32:]).decode(errors="replace"))

def main(arguments):
    names, given = [], {"--key": [], "--checkpoints": [], "--proof": []}
    while arguments:
        word = arguments.pop(0)
        given[word].append(arguments.pop(0)) if word in given and arguments else names.append(word)
    if len(names) + len(given["--proof"]) != 1 or given["--proof"] and not given["--key"]:
        return print(__doc__) or 2
    try:
        keys = [named_key(path) for path in given["--key"]]
        print("OK:", proof(given["--proof"][0], keys) if given["--proof"] else journal(names[0], keys, given["--checkpoints"]))
    except Bad as bad:
        return print("NOT OK at event %d (%s): %s" % bad.args) or 1

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
